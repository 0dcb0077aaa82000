package multipart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// A moment is when something began, by the clock of OSS, which a reply tells.
type moment func(reply *reqstats.Stats) time.Time

// since is the moment that began was by the clock of this machine.
func since(began time.Time) moment {
	return func(reply *reqstats.Stats) time.Time { return reply.Now().Add(-time.Since(began)) }
}

// findOwnObject returns the object of the job's key if this upload made it after it began, and otherwise an error that
// says what stands there. Equal bytes are no proof, which the caller passes: an equal object may have stood there
// before, or be another program's, with other metadata.
func (j *job) findOwnObject(ctx context.Context, began moment, equal func(*oss.ObjectInfo) bool) (*oss.ObjectInfo, error) {
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	info, err := j.u.client.HeadObject(ctx, up.Bucket, up.Key, &oss.HeadOptions{Header: j.options.common})
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
		return nil, fmt.Errorf("there is no such object: %w", err)
	case err != nil:
		return nil, err
	case !equal(info):
		return nil, &otherObject{fmt.Sprintf("another object stands there, of %d bytes with ETag %s", info.Size, info.ETag)}
	case info.LastModified.Before(began(count).Add(-clockGranularity)):
		return nil, &otherObject{fmt.Sprintf("an equal object stands there since %s, before this upload", info.LastModified.UTC().Format(time.RFC3339))}
	}
	if lack := j.options.missingFrom(info); lack != "" {
		return nil, &otherObject{"an object of the same bytes stands there, but its " + lack}
	}
	return info, nil
}

// An otherObject is what stands in the place of the object that an upload was to make.
type otherObject struct{ what string }

func (e *otherObject) Error() string { return e.what }

// missingFrom returns the first property of the object, as InitiateMultipartUpload or PutObject was told, that info
// does not have, or "". The default content type is not compared: it is not the caller's wish.
func (w *requestOptions) missingFrom(info *oss.ObjectInfo) string {
	o := w.put
	want := map[string]string{
		"Content-Type": o.ContentType, "Content-Encoding": o.ContentEncoding, "Content-Disposition": o.ContentDisposition,
		"Content-Language": o.ContentLanguage, "Cache-Control": o.CacheControl, "X-Oss-Storage-Class": string(o.StorageClass),
	}
	if !o.Expires.IsZero() {
		want["Expires"] = o.Expires.UTC().Format(http.TimeFormat)
	}
	for name, value := range o.Metadata {
		want[http.CanonicalHeaderKey("x-oss-meta-"+name)] = value
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, has := strings.TrimSpace(want[name]), strings.TrimSpace(info.Header.Get(name))
		if value != "" && value != has {
			return fmt.Sprintf("%s is %q and not %q", name, has, value)
		}
	}
	return ""
}

// confirmObject settles a request that may have made an object since began: ours tells its bytes from those of another.
// With intact ours is never damaged, so that one that is not ours must be another's.
func (j *job) confirmObject(ctx context.Context, began time.Time, cause error, intact bool, ours func(*oss.ObjectInfo) bool) (*oss.PutResult, error) {
	ask, cancel := j.u.resolveContext(ctx)
	defer cancel()
	info, err := j.findOwnObject(ask, since(began), ours)
	if err == nil {
		return putResultOf(info), nil
	}
	var reply *oss.ServiceError
	refused := errors.As(cause, &reply) && reply.StatusCode < 500 && reply.Code != "" // by OSS itself, and not by a proxy
	var other *otherObject
	if refused && (errors.As(err, &other) && intact || errors.Is(err, oss.ErrNoSuchKey)) {
		return nil, cause // the last try was refused, and those before it have left nothing
	}
	return nil, fmt.Errorf("%w: %w; asking OSS: %w", ErrOutcomeUnknown, cause, err)
}

// putResultOf describes an object that stands there as if its making had just been answered.
func putResultOf(info *oss.ObjectInfo) *oss.PutResult {
	return &oss.PutResult{ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"),
		CRC64: info.CRC64, Header: info.Header}
}

// clockGranularity is for times that OSS tells in whole seconds: of an upload or an object, and of its reply.
const clockGranularity = 2 * time.Second
