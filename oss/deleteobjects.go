package oss

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// DeleteObjectsOptions are the options of DeleteObjects. The zero value and nil are the defaults.
type DeleteObjectsOptions struct {
	// Concurrency is the maximum number of requests in flight; 0 means 4.
	Concurrency int
	// Markers reports the delete markers of a versioned bucket. OSS then answers with a line for each object; without
	// Markers it answers with none.
	Markers bool
	Header  http.Header // further headers
}

// DeletedObject is the result of one object of DeleteObjects.
type DeletedObject struct {
	ObjectID
	// Err is nil if the object does not exist any more, or never did. Otherwise the object may be deleted or not.
	Err error
	// IsDeleteMarker says that a delete marker was added, or that the deleted version was one. MarkerVersionID is the
	// version of the marker. Both are set only with DeleteObjectsOptions.Markers.
	IsDeleteMarker  bool
	MarkerVersionID string
}

// Limits of one request.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects
const (
	maxDeletes      = 1000    // objects
	maxDeleteBytes  = 2 << 20 // of the document
	maxVersionID    = 1 << 10 // bytes; far more than a version ID has
	deletesInFlight = 4       // requests of one call, unless it says otherwise
)

// DeleteObjects deletes any number of objects, or versions of them, in requests of up to 1,000 each. An object that
// does not exist is no error. The results are in the order of objects. Once a request has failed no further one begins.
// Then the error is that of the request, and the results tell which objects are deleted. A request whose reply was lost
// is repeated, which in a versioned bucket can add a second delete marker.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects
func (c *Client) DeleteObjects(
	ctx context.Context, bucket string, objects []ObjectID, opts *DeleteObjectsOptions,
) ([]DeletedObject, error) {
	d := &deletion{client: c, bucket: bucket, results: make([]DeletedObject, len(objects))}
	if opts != nil {
		d.options = *opts
	}
	if err := checkBucket(bucket); err != nil {
		return nil, err
	}
	if d.options.Concurrency < 0 {
		return nil, fmt.Errorf("oss: DeleteObjectsOptions.Concurrency %d is negative", d.options.Concurrency)
	}
	for i, o := range objects {
		err := checkKey(o.Key)
		if err == nil && len(o.VersionID) > maxVersionID {
			err = fmt.Errorf("oss: version ID of %.80q has %d bytes, more than %d", o.Key,
				len(o.VersionID), maxVersionID)
		}
		if err != nil {
			return nil, err
		}
		d.results[i].ObjectID = o
	}
	workers := d.options.Concurrency
	if workers == 0 {
		workers = deletesInFlight
	}
	var wg sync.WaitGroup
	for range min(workers, (len(objects)+maxDeletes-1)/maxDeletes) {
		wg.Go(func() { d.work(ctx) })
	}
	wg.Wait()
	return d.results, d.finish()
}

// A deletion is one call of DeleteObjects. Its workers take batches of objects until there are none.
type deletion struct {
	client  *Client
	bucket  string
	options DeleteObjectsOptions
	results []DeletedObject // each batch is written by the worker that has taken it

	mu    sync.Mutex
	taken int   // objects that are in a batch
	err   error // of the first request that failed
}

func (d *deletion) work(ctx context.Context) {
	for {
		batch, lines := d.next()
		if len(batch) == 0 {
			return
		}
		err := d.delete(ctx, batch, lines)
		if err == nil {
			continue
		}
		for i := range batch {
			batch[i].Err = err
		}
		d.mu.Lock()
		if d.err == nil {
			d.err = err
		}
		d.mu.Unlock()
	}
}

// next returns the results of the next batch, and the lines that its document has. It returns none after a failure.
func (d *deletion) next() ([]DeletedObject, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, ""
	}
	from := d.taken
	var lines strings.Builder
	for ; d.taken < len(d.results) && d.taken-from < maxDeletes; d.taken++ {
		o := d.results[d.taken].ObjectID
		line := ossxml.DeleteObject{Key: o.Key, VersionID: o.VersionID}.Text()
		if lines.Len()+len(line) > maxDeleteBytes-len(deleteDocument("", true)) && d.taken > from {
			break
		}
		lines.WriteString(line)
	}
	return d.results[from:d.taken], lines.String()
}

func deleteDocument(lines string, quiet bool) string {
	return "<Delete><Quiet>" + strconv.FormatBool(quiet) + "</Quiet>" + lines + "</Delete>"
}

// delete deletes a batch. The reply to the quiet form is empty if all objects were deleted. The pages of OSS differ
// on what any other reply names, so the batch is then sent again in the verbose form, which names each deleted object.
func (d *deletion) delete(ctx context.Context, batch []DeletedObject, lines string) error {
	if !d.options.Markers {
		reply, err := d.send(ctx, lines, true)
		if err != nil || len(reply.Objects) == 0 {
			return err
		}
	}
	reply, err := d.send(ctx, lines, false)
	if err != nil {
		return err
	}
	done := make(map[ObjectID]ossxml.DeletedObject, len(reply.Objects))
	for _, o := range reply.Objects {
		key, err := ossxml.Unescape(reply.EncodingType, o.Key)
		if err != nil {
			return fmt.Errorf("oss: DeleteObjects %s: %w", resource(d.bucket, ""), err)
		}
		done[ObjectID{Key: key, VersionID: o.VersionID}] = o
	}
	for i := range batch {
		o, ok := done[batch[i].ObjectID]
		if !ok {
			batch[i].Err = fmt.Errorf("oss: DeleteObjects %s: OSS does not name it among those deleted",
				resource(d.bucket, batch[i].Key))
			continue
		}
		batch[i].IsDeleteMarker, batch[i].MarkerVersionID = o.DeleteMarker, o.DeleteMarkerVersionID
	}
	return nil
}

// send sends one request. The reply to a quiet one has no objects if all are deleted.
func (d *deletion) send(ctx context.Context, lines string, quiet bool) (*ossxml.Deleted, error) {
	r, err := bucketRequest("DeleteMultipleObjects", http.MethodPost, d.bucket, d.options.Header,
		"delete", "", "encoding-type", "url")
	if err != nil {
		return nil, err
	}
	document := deleteDocument(lines, quiet)
	sum := md5.Sum([]byte(document))
	r.Body, r.Repeat = strings.NewReader(document), RepeatAlways
	r.Header.Set("Content-Type", "application/xml")
	var deleted *ossxml.Deleted
	check := decodeXML(func(doc *ossxml.Deleted) error {
		if deleted = doc; len(doc.Objects) > maxDeletes {
			return fmt.Errorf("%d objects are more than %d", len(doc.Objects), maxDeletes)
		}
		return nil
	})
	checkQuiet := func(op Operation, resp *http.Response, sent *requestBody) error {
		err := check(op, resp, sent)
		if quiet && errors.Is(err, io.EOF) { // there is no document
			deleted = new(ossxml.Deleted)
			return requireOSS(op, resp, sent)
		}
		return err
	}
	_, err = d.client.sendAndClose(ctx, r, sendOptions{md5: sum[:], check: checkQuiet})
	return deleted, err
}

// finish sets the results of objects that no request was sent for, and returns the error of the call.
func (d *deletion) finish() error {
	if d.err != nil {
		for i := d.taken; i < len(d.results); i++ {
			d.results[i].Err = fmt.Errorf("oss: DeleteObjects %s: not sent, since another request failed: %w",
				resource(d.bucket, d.results[i].Key), d.err)
		}
		return d.err
	}
	var failed []error
	for _, r := range d.results {
		if r.Err != nil {
			failed = append(failed, r.Err)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return fmt.Errorf("oss: DeleteObjects %s: %d of %d objects failed, the first: %w",
		resource(d.bucket, ""), len(failed), len(d.results), failed[0])
}
