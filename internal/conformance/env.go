package conformance

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

// An env is what one check works with: the target, and keys of its own in it.
type env struct {
	*Target
	id string
}

// key returns a key that no other check uses.
func (e *env) key(name string) string { return e.prefix + e.id + "/" + name }

// minPart is the size of the smallest part that another part may follow.
const minPart = 100 << 10

// block returns n bytes that are all c, as the recordings used.
func block(c byte, n int) []byte { return slices.Repeat([]byte{c}, n) }

// etagOf is the ETag of bytes that arrive in one piece.
func etagOf(data []byte) string {
	sum := md5.Sum(data)
	return `"` + strings.ToUpper(hex.EncodeToString(sum[:])) + `"`
}

// md5Of is the Content-MD5 of data.
func md5Of(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// crcOf is the x-oss-hash-crc64ecma of data.
func crcOf(data []byte) string {
	return strconv.FormatUint(crc64.Checksum(data, crc64.MakeTable(crc64.ECMA)), 10)
}

// joinedETag is the ETag of an object made of parts.
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

// initiate begins an upload and returns its ID.
func (e *env) initiate(t *testing.T, key string, header ...string) string {
	t.Helper()
	r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""}, header: header}).wants(t, 200)
	return r.xml(t).get("UploadId")
}

// upload sends a part, whatever becomes of it.
func (e *env) upload(t *testing.T, key, id string, number int, data []byte, header ...string) *reply {
	t.Helper()
	return e.send(t, request{method: "PUT", key: key, body: data, header: header,
		query: []string{"partNumber", strconv.Itoa(number), "uploadId", id}})
}

// begin begins an upload and sends it parts 1, 2 and so on.
func (e *env) begin(t *testing.T, key string, parts ...[]byte) string {
	t.Helper()
	id := e.initiate(t, key)
	for i, p := range parts {
		e.upload(t, key, id, i+1, p).wants(t, 200)
	}
	return id
}

// A listed is a line in the body of a complete.
type listed struct {
	number int
	etag   string
}

// numbered lists parts 1, 2 and so on of these bytes.
func numbered(parts ...[]byte) []listed {
	list := make([]listed, len(parts))
	for i, p := range parts {
		list[i] = listed{i + 1, etagOf(p)}
	}
	return list
}

// complete asks for an object of these parts, whatever becomes of it.
func (e *env) complete(t *testing.T, key, id string, list []listed, header ...string) *reply {
	t.Helper()
	var body strings.Builder
	body.WriteString("<CompleteMultipartUpload>")
	for _, p := range list {
		fmt.Fprintf(&body, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", p.number, p.etag)
	}
	body.WriteString("</CompleteMultipartUpload>")
	return e.send(t, request{method: "POST", key: key, query: []string{"uploadId", id}, header: header, body: []byte(body.String())})
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
		t.Errorf("object %s: status %d with %d bytes, want %d bytes that are the same", e.shown(key), r.status, len(r.body), len(data))
	}
}

// equal fails t unless got is want.
func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

// refused fails t unless r is a refusal with this status, code, EC and these extra elements, names
// and values by turns. The value "*" is any. The EC may be empty, for any; of the service, which
// does not promise to keep it, another EC is only noted.
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

// anywhere are headers that every reply may have, and that are checked on their own.
func anywhere(name string) bool {
	switch name {
	case "X-Oss-Request-Id", "X-Oss-Server-Time", "Server", "Date", "Connection", "Content-Length":
		return true
	}
	return false
}

// carries fails t unless r has these headers and, those of every reply aside, no others.
func (r *reply) carries(t *testing.T, names ...string) {
	t.Helper()
	for i, name := range names {
		names[i] = http.CanonicalHeaderKey(name)
	}
	slices.Sort(names)
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(r.header)), anywhere)
	equal(t, "headers", strings.Join(got, " "), strings.Join(names, " "))
}

// is fails t unless the headers have these values; names and values by turns.
func (r *reply) is(t *testing.T, pairs ...string) *reply {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		equal(t, pairs[i], r.header.Get(pairs[i]), pairs[i+1])
	}
	return r
}
