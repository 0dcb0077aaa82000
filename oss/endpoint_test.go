package oss

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzParseEndpoint states that an accepted endpoint gives URLs that lead to its host and to no
// other, carry the scheme, and parse back to the same host and the same key.
func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{
		"oss-cn-hangzhou.aliyuncs.com", "https://oss.example.com:8443/", "http://127.0.0.1:80", "[::1]:8080",
		"http://[fe80::1%25eth0]", "https://u:p@h", "h?q", "h#f", "//", "://", "http://%41", "a.b.", "HTTP://X",
		"[::%25\x83]",
	} {
		for a := VirtualHosted; a <= CNAME; a++ {
			f.Add(s, int(a), "bucket", "a//../b%2F +?#\n")
		}
	}
	f.Fuzz(func(t *testing.T, s string, addressing int, bucket, key string) {
		e, err := parseEndpoint(s, Addressing(addressing))
		if err != nil {
			return
		}
		if checkBucket(bucket) != nil || checkKey(key) != nil {
			return // refused before there is a URL
		}
		made := e.url(bucket, key)
		u, err := url.Parse(made.String())
		if err != nil {
			t.Fatalf("endpoint %q gives %q: %v", s, &made, err)
		}
		host, path := e.host, "/"+key
		switch e.addressing {
		case VirtualHosted:
			host = bucket + "." + host
		case PathStyle:
			path = "/" + bucket + path
		}
		if u.Scheme != e.scheme || u.Host != host || u.Path != path || u.RawQuery != "" || u.Fragment != "" ||
			u.User != nil {
			t.Errorf("endpoint %q gives %q: parsed back as host %q, path %q, want %q, %q", s, &made, u.Host, u.Path,
				host, path)
		}
		again, err := parseEndpoint(u.Scheme+"://"+authority(e), e.addressing)
		if err != nil || again != e {
			t.Errorf("endpoint %q became %+v and that %+v, %v", s, e, again, err)
		}
	})
}

// authority is the host of e as a URL spells it: a zone is escaped there.
func authority(e endpoint) string { return strings.ReplaceAll(e.host, "%", "%25") }

// FuzzKeySurvivesTheWire states that a server reads the key the client meant off the request line.
func FuzzKeySurvivesTheWire(f *testing.F) {
	for _, key := range awkwardKeys {
		f.Add(key)
	}
	e := endpoint{"https", "oss.example.com", VirtualHosted}
	f.Fuzz(func(t *testing.T, key string) {
		if checkKey(key) != nil {
			return // refused before there is a URL
		}
		address := e.url("bucket", key)
		r := &http.Request{Method: http.MethodGet, URL: &address}
		line := r.URL.RequestURI()
		got, err := url.ParseRequestURI(line)
		if err != nil || got.Path != "/"+key || got.RawQuery != "" {
			t.Errorf("key %q is asked for as %q, read as %+v, %v", key, line, got, err)
		}
		if strings.ContainsAny(line, " +?#\n") {
			t.Errorf("key %q is asked for as %q", key, line)
		}
	})
}

var awkwardKeys = []string{"a b", "a+b", "100%", "a%2Fb", "a?b=c", "a#b", "a//b", "..", ".", "a/../b", "a\nb",
	"\U0001F600", strings.Repeat("k", 1023), "/a", "a/"}
