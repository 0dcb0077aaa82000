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

// A moment is the time at which something began by the clock of OSS, which a reply tells.
type moment func(reply *reqstats.Stats) time.Time

// since returns the moment at which the clock of this machine showed began.
func since(began time.Time) moment {
	return func(reply *reqstats.Stats) time.Time { return reply.Now().Add(-time.Since(began)) }
}

// findOwnObject returns the object of the key if this upload created it after it began. Otherwise the error describes
// what the key holds. equal compares the content, which is not enough: an equal object may be older, or come from
// another program with other metadata.
func (j *job) findOwnObject(
	ctx context.Context, began moment, equal func(*oss.ObjectInfo) bool,
) (*oss.ObjectInfo, error) {
	ctx, count := reqstats.NewContext(ctx)
	up := j.plan.Upload
	info, err := j.u.client.HeadObject(ctx, up.Bucket, up.Key, &oss.HeadOptions{Header: j.options.common})
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
		return nil, fmt.Errorf("there is no such object: %w", err)
	case err != nil:
		return nil, err
	case !equal(info):
		return nil,
			&otherObject{fmt.Sprintf("the key holds another object, of %d bytes with ETag %s", info.Size, info.ETag)}
	case info.LastModified.Before(began(count).Add(-clockGranularity)):
		return nil, &otherObject{fmt.Sprintf("the key holds an equal object since %s, before this upload",
			info.LastModified.UTC().Format(time.RFC3339))}
	}
	if lack := j.options.missingFrom(info); lack != "" {
		return nil, &otherObject{"the key holds an object with the same bytes, but its " + lack}
	}
	return info, nil
}

// An otherObject describes the object that the key holds in place of the expected one.
type otherObject struct{ what string }

func (e *otherObject) Error() string { return e.what }

// missingFrom returns a description of the first property that InitiateMultipartUpload or PutObject requested and info
// does not have, or "". The default content type is not compared, because the caller did not request it.
func (w *requestOptions) missingFrom(info *oss.ObjectInfo) string {
	return lacking(w.properties(), info.Header)
}

// properties returns the headers that the fields of the options request and HeadObject returns.
func (w *requestOptions) properties() map[string]string {
	o := w.put
	want := map[string]string{
		"Content-Type": o.ContentType, "Content-Encoding": o.ContentEncoding,
		"Content-Disposition": o.ContentDisposition,
		"Content-Language":    o.ContentLanguage, "Cache-Control": o.CacheControl,
		storageClassHeader: string(o.StorageClass),
	}
	if !o.Expires.IsZero() {
		want["Expires"] = o.Expires.UTC().Format(http.TimeFormat)
	}
	for name, value := range o.Metadata {
		want[http.CanonicalHeaderKey("x-oss-meta-"+name)] = value
	}
	maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
	return want
}

// lacking returns a description of the first header of want that has does not have, or "".
func lacking(want map[string]string, has http.Header) string {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if want, has := strings.TrimSpace(want[name]), strings.TrimSpace(has.Get(name)); want != "" && want != has {
			return fmt.Sprintf("%s is %q and not %q", name, has, want)
		}
	}
	return ""
}

// confirmObject finds out by HeadObject whether a request that began at began, and failed with cause, created the
// object: matches compares the content. intact says that OSS stores no corrupted copy of the content, so that an object
// that does not match comes from another request.
func (j *job) confirmObject(
	ctx context.Context, began time.Time, cause error, intact bool, matches func(*oss.ObjectInfo) bool,
) (*oss.PutResult, error) {
	ask, cancel := j.u.resolveContext(ctx)
	defer cancel()
	info, err := j.findOwnObject(ask, since(began), matches)
	if err == nil {
		return putResultOf(info), nil
	}
	var reply *oss.ServiceError
	// by OSS itself, and not by a proxy
	refused := errors.As(cause, &reply) && reply.StatusCode < 500 && reply.Code != ""
	var other *otherObject
	if refused && (errors.As(err, &other) && intact || errors.Is(err, oss.ErrNoSuchKey)) {
		return nil, cause // OSS refused the last attempt, and the earlier ones created nothing
	}
	return nil, fmt.Errorf("%w: %w; asking OSS: %w", ErrOutcomeUnknown, cause, err)
}

// putResultOf returns the result that the request which created the object would have returned.
func putResultOf(info *oss.ObjectInfo) *oss.PutResult {
	return &oss.PutResult{ETag: info.ETag, VersionID: info.VersionID, RequestID: info.Header.Get("x-oss-request-id"),
		CRC64: info.CRC64, Header: info.Header}
}

// clockGranularity allows for times that OSS reports in whole seconds: the time of an upload or an object, and that of
// the reply.
const clockGranularity = 2 * time.Second
