package conformance_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// A request is one HTTP request, signed but otherwise as a check wants it.
type request struct {
	method  string
	bucket  string // empty means the target's; another one must not exist
	key     string // empty means the bucket itself
	query   []string
	header  []string // names and values by turns, as is query
	body    []byte
	chunked bool // send body without its length
	service bool // of no bucket at all
	checked bool // the check has asked allow itself: what is touched stands in the body

	signer    signer.Signer       // nil means the target's usual one
	keys      *signer.Credentials // nil means the target's
	anonymous bool                // not signed at all
	shift     time.Duration       // added to the moment of signing
	presign   time.Duration       // lifetime of a signature in the query; 0 means a signature in the header
	pathStyle bool                // bucket in the path
	tamper    func(*http.Request) // run after signing
}

// A reply is what came back.
type reply struct {
	status int
	header http.Header
	body   []byte
	sent   *http.Request // what was asked
}

// signed returns the request of r with its signature.
func (e *env) signed(t *testing.T, r request) *http.Request {
	t.Helper()
	req, params := e.build(t, r)
	var err error
	switch {
	case r.anonymous:
	case r.presign > 0:
		err = e.signer(r).Presign(req, params, r.presign)
	default:
		err = e.signer(r).Sign(req, params)
	}
	if err != nil {
		t.Fatalf("signing: %v", err)
	}
	return req
}

// send sends r once and reads the reply.
func (e *env) send(t *testing.T, r request) *reply {
	t.Helper()
	req := e.signed(t, r)
	if r.tamper != nil {
		r.tamper(req)
	}
	resp, err := e.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, e.shown(r.key), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the reply: %v", r.method, e.shown(r.key), err)
	}
	return &reply{status: resp.StatusCode, header: resp.Header, body: body, sent: req}
}

// build makes the HTTP request of r, and what signing it takes.
func (e *env) build(t *testing.T, r request) (*http.Request, signer.Params) {
	t.Helper()
	p := signer.Params{Bucket: e.bucket, Key: r.key, Region: e.region, Time: e.now().Add(r.shift)}
	if r.bucket != "" {
		p.Bucket = r.bucket
	}
	if err := e.allow(r.method, p.Bucket, r.key); err != nil && !r.checked {
		t.Fatal(err)
	}
	if r.keys != nil {
		p.Credentials = *r.keys
	} else if !r.anonymous {
		var err error
		if p.Credentials, err = e.keys.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	u := &url.URL{Scheme: e.endpoint.Scheme, Host: p.Bucket + "." + e.endpoint.Host, Path: "/" + r.key,
		RawPath: "/" + escapePath(r.key)}
	if r.pathStyle {
		u.Host, u.Path, u.RawPath = e.endpoint.Host, "/"+p.Bucket+u.Path, "/"+p.Bucket+u.RawPath
	}
	if r.service {
		p.Bucket, u.Host = "", e.endpoint.Host
	}
	var pairs []string
	for i := 0; i < len(r.query); i += 2 {
		pair := escapeQuery(r.query[i])
		if value := r.query[i+1]; value != "" { // "?uploads"; the Client has it as "?uploads="
			pair += "=" + escapeQuery(value)
		}
		pairs = append(pairs, pair)
	}
	u.RawQuery = strings.Join(pairs, "&")

	var body io.Reader = http.NoBody
	if len(r.body) > 0 {
		body = bytes.NewReader(r.body)
	}
	if r.chunked {
		body = io.MultiReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, u.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	req.URL = u                                   // as it is, not as it reads after parsing
	req.Header.Set("Accept-Encoding", "identity") // else net/http asks for gzip
	req.Header.Set("User-Agent", "go-oss-conformance")
	for i := 0; i < len(r.header); i += 2 {
		req.Header.Add(r.header[i], r.header[i+1])
	}
	return req, p
}

func (e *env) signer(r request) signer.Signer {
	switch {
	case r.signer != nil:
		return r.signer
	case e.region == "":
		return signer.V1{}
	}
	return signer.V4{}
}

// now is the target's clock.
func (e *env) now() time.Time {
	if e.config.Now != nil {
		return e.config.Now()
	}
	return time.Now()
}

// escapePath percent-encodes all but unreserved bytes and the slash.
func escapePath(s string) string { return strings.ReplaceAll(escapeQuery(s), "%2F", "/") }

// escapeQuery percent-encodes all but unreserved bytes, the space too.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// wants fails t unless the status is want.
func (r *reply) wants(t *testing.T, want int) *reply {
	t.Helper()
	if r.status != want {
		t.Fatalf("%s %s: status %d, want %d\n%s", r.sent.Method, r.sent.URL.Path, r.status, want, r.document())
	}
	return r
}

// document returns the body, or what stands for it in a reply to HEAD.
func (r *reply) document() []byte {
	if packed := r.header.Get("x-oss-err"); len(r.body) == 0 && packed != "" {
		doc, _ := base64.StdEncoding.DecodeString(packed)
		return doc
	}
	return r.body
}

// xml returns the document of r.
func (r *reply) xml(t *testing.T) element {
	t.Helper()
	doc, err := parseXML(r.document())
	if err != nil {
		t.Fatalf("reply is no document: %v\n%s", err, r.body)
	}
	return doc
}

// shown is a key as errors show it.
func (e *env) shown(key string) string { return strings.TrimPrefix(key, e.prefix) }
