package oss

import (
	"mime"
	"testing"
)

// TestContentTypeIsTheSameOnEveryMachine is R10 and BR17: the type of these was that of the machine's tables, or none.
func TestContentTypeIsTheSameOnEveryMachine(t *testing.T) {
	if err := mime.AddExtensionType(".mp4", "application/x-of-this-machine"); err != nil {
		t.Fatal(err)
	}
	if err := mime.AddExtensionType(".go-oss-own", "text/x-own"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"a.m3u8": "application/vnd.apple.mpegurl", "a.ttf": "font/ttf", "a.md": "text/markdown",
		"a.yml": "application/yaml",
		"a.tar": "application/x-tar", "a.txt": "text/plain", "dir/A.MP4": "video/mp4", "a.tar.gz": "application/gzip",
		"a.html": "text/html", "a.js": "text/javascript", "a.css": "text/css", "a.json": "application/json",
		"a.go-oss-own": "text/x-own", "a.unknown-to-all": "application/octet-stream", "a": "application/octet-stream",
		".":     "application/octet-stream",
		"a.b/c": "application/octet-stream",
	} {
		if got := contentType(key); got != want {
			t.Errorf("contentType(%q) = %q, want %q", key, got, want)
		}
	}
	for ext, typ := range contentTypes {
		if parsed, params, err := mime.ParseMediaType(typ); err != nil || parsed != typ || len(params) > 0 {
			t.Errorf("%s: %q is no plain media type: %v", ext, typ, err)
		}
	}
}
