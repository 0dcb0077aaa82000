package signer

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzCanonicalQuery: the order of parameters does not matter, and what Presign sends means what
// the caller wrote.
func FuzzCanonicalQuery(f *testing.F) {
	f.Add("b=2&a=1&a=0&a", 1)
	f.Add("uploads=&%7Cp=x%2Fy+z&+p&a-b=1&a=b", 2)
	f.Add("%zz=1&&=&=v&x%3D=%26", 3)
	f.Fuzz(func(t *testing.T, raw string, turn int) {
		query, _ := parseQuery(nil, raw)
		want := encodeQuery(query)
		other := slices.Clone(query)
		slices.Reverse(other)
		if n := len(other); n > 0 {
			turn = (turn%n + n) % n
			other = append(other[turn:], other[:turn]...)
		}
		if got := encodeQuery(other); got != want {
			t.Errorf("query %q in another order is %q, want %q", raw, got, want)
		}
		again, err := parseQuery(nil, want)
		if err != nil {
			t.Fatalf("canonical query %q of %q: %v", want, raw, err)
		}
		if got := encodeQuery(again); got != want {
			t.Errorf("canonical query %q made canonical is %q", want, got)
		}
		slices.SortFunc(query, pair.compare)
		slices.SortFunc(again, pair.compare)
		if !slices.Equal(again, query) {
			t.Errorf("canonical query %q means %q, want %q", want, again, query)
		}
	})
}

// FuzzEscape: unescaping gives the text back, and nothing but unreserved characters remains.
func FuzzEscape(f *testing.F) {
	f.Add("dir/big file+1.bin")
	f.Add("\x00\xff%41~-_.")
	f.Add("\u732b")
	f.Fuzz(func(t *testing.T, s string) {
		if back, err := url.PathUnescape(escape(s)); err != nil || back != s {
			t.Errorf("escape(%q) = %q, which is %q, %v", s, escape(s), back, err)
		}
		for i, c := range []byte(escape(s)) {
			if !isUnreserved(c) && c != '%' {
				t.Errorf("escape(%q) has %q at %d", s, c, i)
			}
		}
		path := string(appendEscaped(nil, s, true))
		if want := strings.ReplaceAll(escape(s), "%2F", "/"); path != want {
			t.Errorf("path %q is escaped to %q, want %q", s, path, want)
		}
	})
}

// FuzzQueryCoverage: a parameter that is no subresource leaves V1 as it is; V4 notices any parameter.
func FuzzQueryCoverage(f *testing.F) {
	f.Add("max-parts", "2", "uploadId=A0")
	f.Add("uploads", "", "")
	f.Add("x-oss-process", "style/a", "prefix=x")
	f.Add("x-oss-date", "20260617T120000Z", "acl")
	f.Fuzz(func(t *testing.T, name, value, raw string) {
		p := testParams()
		plain, more := testRequest(), testRequest()
		plain.URL.RawQuery = raw
		more.URL.RawQuery = raw + "&" + url.QueryEscape(name) + "=" + url.QueryEscape(value)
		if name == "" && value == "" {
			t.Skip("not a parameter")
		}
		if _, isV1URL := queryValue(more.URL.RawQuery, "OSSAccessKeyId"); !isV1URL {
			same := V1{}.StringToSign(plain, p) == V1{}.StringToSign(more, p)
			if same == isSubresource(name) {
				t.Errorf("%q = %q leaves V1 alone: %v; it is a subresource: %v", name, value, same, !same)
			}
		}
		same := V4{}.StringToSign(plain, p) == V4{}.StringToSign(more, p)
		if same != (name == queryV4Result) {
			t.Errorf("%q = %q leaves V4 alone: %v", name, value, same)
		}
	})
}

// FuzzSignThenVerify: what a server reads off the wire has the signature the client sent, for any
// key, metadata and query, and has no longer after the secret, the key or the metadata change.
func FuzzSignThenVerify(f *testing.F) {
	f.Add("dir/big file+1.bin", "alice", "prefix", "a/b c", "sts+token/=")
	f.Add("/a//../b\x00\xff", "", "uploads", "", "")
	f.Add("?#&=%41", " padded\t", "x-oss-process", "image/resize,w_100", "")
	f.Add("\u732b", "\u732b", "response-content-disposition", "attachment; filename=\"a\"", "t")
	f.Fuzz(func(t *testing.T, key, meta, name, value, token string) {
		if strings.ContainsFunc(meta, isControl) || isSigning(name) {
			return // net/http does not send such headers, or the parameter is the signer's own
		}
		p := testParams()
		p.Key, p.Credentials.SecurityToken = key, token
		v4 := V4{AdditionalHeaders: []string{"host", "content-length", "range"}}
		tests := []struct {
			name      string
			sign      func(*http.Request) error
			sent      func(*http.Request) string // the signature in what the server received
			signature func(*http.Request, Params) string
		}{
			{"V1.Sign",
				func(req *http.Request) error { return V1{}.Sign(req, p) },
				func(req *http.Request) string { return between(req.Header.Get("Authorization"), ":", "") },
				V1{}.Signature},
			{"V1.Presign",
				func(req *http.Request) error { return V1{}.Presign(req, p, time.Hour) },
				func(req *http.Request) string { return req.URL.Query().Get("Signature") },
				V1{}.Signature},
			{"V4.Sign",
				func(req *http.Request) error { return v4.Sign(req, p) },
				func(req *http.Request) string { return between(req.Header.Get("Authorization"), "Signature=", "") },
				func(req *http.Request, p Params) string {
					return claimed(between(req.Header.Get("Authorization"), "AdditionalHeaders=", ",")).Signature(req,
						p)
				}},
			{"V4.Presign",
				func(req *http.Request) error { return v4.Presign(req, p, time.Hour) },
				func(req *http.Request) string { return req.URL.Query().Get("x-oss-signature") },
				func(req *http.Request, p Params) string {
					return claimed(req.URL.Query().Get("x-oss-additional-headers")).Signature(req, p)
				}},
		}
		for _, tt := range tests {
			req := &http.Request{
				Method: "PUT",
				URL: &url.URL{
					Scheme: "https", Host: "photos.oss-cn-hangzhou.aliyuncs.com",
					Path: "/" + key, RawPath: "/" + string(appendEscaped(nil, key, true)),
					RawQuery: url.QueryEscape(name) + "=" + url.QueryEscape(value),
				},
				Header: http.Header{"X-Oss-Meta-Note": {meta}, "Content-Type": {"text/plain"}},
				Body:   http.NoBody,
			}
			err := tt.sign(req)
			if invalid := strings.ContainsFunc(token, isInvalid); invalid != (err != nil) {
				t.Fatalf("%s: %v with a token that is invalid: %t", tt.name, err, invalid)
			}
			if err != nil {
				continue
			}
			got := overTheWire(t, req)
			// What a server knows: its region, its bucket, the secret of the key, and the request.
			known := Params{
				Bucket: "photos", Key: strings.TrimPrefix(got.URL.Path, "/"), Region: "cn-hangzhou",
				Credentials: Credentials{AccessKeySecret: p.Credentials.AccessKeySecret},
			}
			sent := tt.sent(got)
			if sig := tt.signature(got, known); sig != sent {
				t.Errorf("%s: server computes %q, client sent %q", tt.name, sig, sent)
			}
			otherKey, otherSecret := known, known
			otherKey.Key += "x"
			otherSecret.Credentials.AccessKeySecret += "x"
			if tt.signature(got, otherKey) == sent || tt.signature(got, otherSecret) == sent {
				t.Errorf("%s: signature %q is good for another key or secret", tt.name, sent)
			}
			got.Header.Add("x-oss-meta-note", "x")
			if tt.signature(got, known) == sent {
				t.Errorf("%s: signature %q is good for other metadata", tt.name, sent)
			}
		}
	})
}

// overTheWire returns req as a server receives it.
func overTheWire(t *testing.T, req *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// between returns what stands between start and end in s; an empty end is the end of s.
func between(s, start, end string) string {
	_, s, _ = strings.Cut(s, start)
	if end != "" {
		s, _, _ = strings.Cut(s, end)
	}
	return s
}

// claimed returns V4 with the additional headers that a request says it covers.
func claimed(names string) V4 { return V4{AdditionalHeaders: strings.Split(names, ";")} }

// isControl reports whether net/http refuses r in the value of a header.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// FuzzCredentialsMask: no way of printing depends on what the secret and the token are. That is
// more than to look for the secret in the output, which fails for a secret like "a".
func FuzzCredentialsMask(f *testing.F) {
	f.Add("LTAIexampleid", "hushhush", "sts-token")
	f.Add("", "%!d", "{AccessKeySecret:")
	f.Fuzz(func(t *testing.T, id, secret, token string) {
		if secret == "" || token == "" {
			t.Skip("nothing to hide")
		}
		got := shown(Credentials{AccessKeyID: id, AccessKeySecret: secret, SecurityToken: token})
		want := shown(Credentials{AccessKeyID: id, AccessKeySecret: "other", SecurityToken: "another"})
		if i := firstDifference(got, want); i >= 0 {
			t.Errorf("output depends on the secret: ...%q", got[max(0, i-40):min(len(got), i+40)])
		}
	})
}

// firstDifference returns where a and b begin to differ, or -1.
func firstDifference(a, b string) int {
	if a == b {
		return -1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
