package conformance_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An env is the system as one check uses it, with keys of its own.
type env struct {
	*system
	id string
}

// key returns a key that no other check uses.
func (e *env) key(name string) string { return e.prefix + e.id + "/" + name }

// minPart is the minimum size of a part that is not the last, in bytes.
const minPart = 100 << 10

// block returns n bytes with the value c, as in the recordings.
func block(c byte, n int) []byte { return slices.Repeat([]byte{c}, n) }

// etagOf returns the ETag of bytes that are sent in one request.
func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return `"` + strings.ToUpper(hex.EncodeToString(sum[:])) + `"`
}

// md5Of returns the Content-MD5 of data.
func md5Of(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// crcOf returns the x-oss-hash-crc64ecma of data.
func crcOf(data []byte) string {
	return strconv.FormatUint(crc64.Checksum(data, crc64.MakeTable(crc64.ECMA)), 10)
}

// joinedETag returns the ETag of an object with these parts.
func joinedETag(parts ...[]byte) string {
	sum := md5.New()
	for _, p := range parts {
		sum.Write([]byte(strings.Trim(etagOf(p), `"`)))
	}
	return fmt.Sprintf(`"%s-%d"`, strings.ToUpper(hex.EncodeToString(sum.Sum(nil))), len(parts))
}

// put stores an object.
func (e *env) put(t *testing.T, key string, data []byte, header ...string) {
	t.Helper()
	e.send(t, request{method: "PUT", key: key, body: data, header: header}).wants(t, 200)
}

// initiate initiates an upload and returns its ID.
func (e *env) initiate(t *testing.T, key string, header ...string) string {
	t.Helper()
	r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""}, header: header}).wants(t, 200)
	return r.xml(t).get("UploadId")
}

// upload sends a part. The reply may be an error.
func (e *env) upload(t *testing.T, key, id string, number int, data []byte, header ...string) *reply {
	t.Helper()
	return e.send(t, request{method: "PUT", key: key, body: data, header: header,
		query: []string{"partNumber", strconv.Itoa(number), "uploadId", id}})
}

// begin initiates an upload and sends parts 1, 2 and so on.
func (e *env) begin(t *testing.T, key string, parts ...[]byte) string {
	t.Helper()
	id := e.initiate(t, key)
	for i, p := range parts {
		e.upload(t, key, id, i+1, p).wants(t, 200)
	}
	return id
}

// A listed is a part in the part list of a complete.
type listed struct {
	number int
	etag   string
}

// numbered returns the part list of parts 1, 2 and so on with these bytes.
func numbered(parts ...[]byte) []listed {
	list := make([]listed, len(parts))
	for i, p := range parts {
		list[i] = listed{i + 1, etagOf(p)}
	}
	return list
}

// complete completes an upload with a part list. The reply may be an error.
func (e *env) complete(t *testing.T, key, id string, list []listed, header ...string) *reply {
	t.Helper()
	var body strings.Builder
	body.WriteString("<CompleteMultipartUpload>")
	for _, p := range list {
		fmt.Fprintf(&body, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", p.number, p.etag)
	}
	body.WriteString("</CompleteMultipartUpload>")
	return e.send(t, request{method: "POST", key: key, query: []string{"uploadId", id}, header: header,
		body: []byte(body.String())})
}

func (e *env) abort(t *testing.T, key, id string) *reply {
	t.Helper()
	return e.send(t, request{method: "DELETE", key: key, query: []string{"uploadId", id}})
}

func (e *env) get(t *testing.T, key string, header ...string) *reply {
	t.Helper()
	return e.send(t, request{method: "GET", key: key, header: header})
}

func (e *env) head(t *testing.T, key string, header ...string) *reply {
	t.Helper()
	return e.send(t, request{method: "HEAD", key: key, header: header})
}

// parts lists the parts of an upload.
func (e *env) parts(t *testing.T, key, id string, query ...string) element {
	t.Helper()
	r := e.send(t, request{method: "GET", key: key, query: append([]string{"uploadId", id}, query...)})
	return r.wants(t, 200).xml(t)
}

// holds fails t unless key has exactly these bytes.
func (e *env) holds(t *testing.T, key string, data []byte) {
	t.Helper()
	if r := e.get(t, key); r.status != 200 || string(r.body) != string(data) {
		t.Errorf("object %s: status %d with %d bytes, want the %d bytes that were sent", e.shown(key),
			r.status, len(r.body), len(data))
	}
}

// equal fails t unless got is want.
func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

// refused fails t unless r is an error reply with this status, code, EC and these extra elements, given as alternating
// names and values. The value "*" and an empty EC match any. The service may change an EC, so for the service a
// different one is only logged.
func (e *env) refused(t *testing.T, r *reply, status int, code, ec string, extra ...string) element {
	t.Helper()
	doc := r.wants(t, status).xml(t)
	equal(t, "Code", doc.get("Code"), code)
	if got := doc.get("EC"); ec != "" && got != ec {
		if e.Fake == nil {
			t.Logf("EC of %s is %s, recorded as %s", code, got, ec)
		} else {
			t.Errorf("EC = %q, want %q", got, ec)
		}
	}
	var names []string
	for i := 0; i < len(extra); i += 2 {
		names = append(names, extra[i])
		if want := extra[i+1]; want != "*" {
			equal(t, extra[i], doc.get(extra[i]), want)
		}
	}
	if len(names) == 0 {
		return doc
	}
	want := "Code Message RequestId HostId " + strings.Join(names, " ")
	if doc.has("EC") {
		want += " EC RecommendDoc"
	}
	equal(t, "elements", doc.names(), want)
	return doc
}

// anywhere reports whether every reply may have a header. These headers are checked separately.
func anywhere(name string) bool {
	switch name {
	case "X-Oss-Request-Id", "X-Oss-Server-Time", "Server", "Date", "Connection", "Content-Length":
		return true
	}
	return false
}

// carries fails t unless r has exactly these headers, apart from those of every reply.
func (r *reply) carries(t *testing.T, names ...string) {
	t.Helper()
	for i, name := range names {
		names[i] = http.CanonicalHeaderKey(name)
	}
	slices.Sort(names)
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(r.header)), anywhere)
	equal(t, "headers", strings.Join(got, " "), strings.Join(names, " "))
}

// is fails t unless the headers have these values, given as alternating names and values.
func (r *reply) is(t *testing.T, pairs ...string) *reply {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		equal(t, pairs[i], r.header.Get(pairs[i]), pairs[i+1])
	}
	return r
}
