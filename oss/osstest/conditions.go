package osstest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// checkConditions checks If-Match and the related headers, or with a prefix those for the source of a copy. unchanged
// means that If-None-Match or If-Modified-Since failed, and the reply is 304.
func checkConditions(h http.Header, prefix string, o *store.Object) (unchanged bool, err error) {
	if v := h.Get(prefix + "If-Match"); v != "" && !matches(v, o.ETag) {
		return false, preconditionFailed(prefix + "If-Match")
	}
	if t, ok := httpTime(h.Get(prefix + "If-Unmodified-Since")); ok && o.Modified.After(t) {
		return false, preconditionFailed(prefix + "If-Unmodified-Since")
	}
	if v := h.Get(prefix + "If-None-Match"); v != "" && matches(v, o.ETag) {
		return true, nil
	}
	t, ok := httpTime(h.Get(prefix + "If-Modified-Since"))
	return ok && !o.Modified.After(t), nil
}

// matches compares ETags as OSS does: without quotes, in any case.
func matches(condition, etag string) bool {
	return condition == "*" || sameETag(condition, etag)
}

func sameETag(a, b string) bool { return strings.EqualFold(unquote(a), unquote(b)) }

// unquote removes the quotes of an ETag, if it has them.
func unquote(etag string) string {
	if len(etag) > 1 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}

// httpTime parses the time of a condition. A malformed one is ignored.
func httpTime(s string) (time.Time, bool) {
	t, err := http.ParseTime(s)
	return t, err == nil
}

// A span is a range of bytes.
type span struct{ offset, size int64 }

// contentRange returns the value of the header Content-Range.
func (s span) contentRange(of int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.offset, s.offset+s.size-1, of)
}

// parseRange parses a Range header for an object of size bytes. For an invalid range OSS sends the whole object, unless
// x-oss-range-behavior is standard.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func parseRange(header string, size int64, standard bool) (_ span, partial bool, err error) {
	whole := span{0, size}
	first, last, ok := cutRange(header)
	if !ok {
		return whole, false, nil
	}
	suffix := first < 0
	if suffix { // the last so many bytes
		first, last = size-last, size-1
	}
	if standard {
		if first >= size { // so is a suffix of no bytes
			return whole, false, refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "",
				"The requested range cannot be satisfied.", "ActualObjectSize",
				strconv.FormatInt(size, 10), "RangeHeader", header)
		}
		first, last = max(first, 0), min(last, size-1)
	}
	if last < 0 { // an open end
		last = size - 1
	}
	if first < 0 || first >= size || last >= size || first > last {
		return whole, false, nil
	}
	return span{first, last - first + 1}, true, nil
}

// cutRange parses "bytes=first-last". last is -1 for an open end, and first is -1 for a suffix. OSS ignores multiple
// ranges.
func cutRange(header string) (first, last int64, ok bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(spec, "-")
	if !ok || from == "" && to == "" {
		return 0, 0, false
	}
	first, last = -1, -1
	for _, bound := range []struct {
		text string
		n    *int64
	}{{from, &first}, {to, &last}} {
		if bound.text == "" {
			continue
		}
		n, err := strconv.ParseUint(bound.text, 10, 63)
		if err != nil {
			return 0, 0, false
		}
		*bound.n = int64(n)
	}
	return first, last, true
}

// maxCopy is the maximum size of the source of a CopyObject, in bytes.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
const maxCopy = 1 << 30

// checkCopySize refuses a source that must be copied in parts.
func checkCopySize(size int64) error {
	if size > maxCopy {
		return refuse(http.StatusBadRequest, "EntityTooLarge", "",
			"The copy source is larger than the maximum allowable size.", "MaxSizeAllowed", strconv.Itoa(maxCopy),
			"ProposedSize", strconv.FormatInt(size, 10))
	}
	return nil
}

// openSource returns the object that x-oss-copy-source names, if its conditions hold. The caller releases its content.
func (x *exchange) openSource() (o *store.Object, unchanged bool, err error) {
	value := x.r.Header.Get("x-oss-copy-source")
	bad := invalidArgument("", "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.",
		"x-oss-copy-source", value)
	path, version, versioned := strings.Cut(value, "?versionId=")
	if versioned && version == "" {
		return nil, false, invalidArgument("0012-00000201", "Version id must not be empty", "x-oss-copy-source", value)
	}
	path, slashed := strings.CutPrefix(path, "/")
	bucket, key, ok := strings.Cut(path, "/")
	// The first SDK for Go sends a space as "+", as in a query. Every SDK sends a plus as %2B.
	if key, err = url.QueryUnescape(key); err != nil || !slashed || !ok || bucket == "" || key == "" {
		return nil, false, bad
	}
	if err := x.checkBucket(bucket); err != nil {
		return nil, false, err
	}
	if err := x.checkPaysFor(bucket); err != nil {
		return nil, false, err
	}
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	if o, err = x.openVersion(store.Name{Bucket: bucket, Key: key}, version); err != nil {
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusMethodNotAllowed {
			// See https://help.aliyun.com/en/oss/user-guide/0016-00000307
			return nil, false, invalidArgument("0016-00000307", "The source of a copy cannot be a delete marker.",
				"x-oss-copy-source", value)
		}
		return nil, false, err
	}
	if o.Type == appendable {
		o.Content.Release()
		return nil, false, refuse(http.StatusBadRequest, "OperationNotSupported", "0037-00000001",
			"The operation is not supported for this resource: an appendable object cannot be copied.")
	}
	unchanged, err = checkConditions(x.r.Header, "x-oss-copy-source-", o)
	if err != nil {
		o.Content.Release()
	}
	return o, unchanged, err
}
