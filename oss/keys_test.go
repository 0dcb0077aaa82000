package oss_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// awkwardKeys are keys that change if any step cleans them or escapes them twice.
var awkwardKeys = []string{
	"plain", "a b", "a+b", "100%", "a%2Fb%20", "a?b=c&d", "a#b", "a//b", "..", ".", "../a", "a/../b/./c", "a\nb",
	"a\tb",
	"\U0001F600", "\u4e2d\u6587", "a/", "a;b", "a:b@c", `a\b"'<>`, "~-_.!*()", strings.Repeat("k", 1023),
	strings.Repeat("%", 1023),
}

func TestCatalogueS10KeysArriveByteForByte(t *testing.T) {
	srv := newServer(t, &osstest.Options{CNAME: map[string]string{"files.example.com": "bucket"}})
	for _, style := range []struct {
		name, endpoint string
		addressing     oss.Addressing
	}{
		{"virtual hosted", "https://oss-cn-hangzhou.aliyuncs.com", oss.VirtualHosted},
		{"http", "http://oss-cn-hangzhou-internal.aliyuncs.com", oss.VirtualHosted},
		{"path style", "http://localhost:9000", oss.PathStyle},
		{"IPv4", "http://127.0.0.1:8080", oss.VirtualHosted},
		{"IPv6", "https://[::1]:8443", oss.VirtualHosted},
		{"CNAME", "https://files.example.com", oss.CNAME},
	} {
		for _, sig := range []signer.Signer{signer.V1{}, signer.V4{}, signer.V4{AdditionalHeaders: []string{"host"}}} {
			t.Run(fmt.Sprintf("%s %T%v", style.name, sig, sig), func(t *testing.T) {
				cfg := srv.Config()
				cfg.Endpoint, cfg.Addressing, cfg.Signer = style.endpoint, style.addressing, sig
				c := newClient(t, cfg)
				for _, key := range awkwardKeys {
					testKey(t, srv, c, key)
				}
			})
		}
	}
}

// testKey writes key by every kind of request and reads it back.
func testKey(t *testing.T, srv *osstest.Server, c *oss.Client, key string) {
	t.Helper()
	ctx := t.Context()
	stored := func(what, want string, err error) {
		t.Helper()
		if obj, ok := srv.Object("bucket", key); err != nil || string(obj.Data) != want {
			t.Errorf("key %.40q %s: stored %q, %v, %v", key, what, obj.Data, ok, err)
		}
	}
	_, err := c.PutObject(ctx, "bucket", key, strings.NewReader("put"), nil)
	stored("put", "put", err)

	up := begin(t, c, key, 1)
	part, err := c.UploadPartCopy(ctx, up, 1, oss.CopySource{Bucket: "bucket", Key: key, Offset: 1, Length: 2}, nil)
	if err != nil {
		t.Errorf("key %.40q copied: %v", key, err)
	}
	_, err = c.CompleteMultipartUpload(ctx, up, []oss.Part{part}, nil)
	stored("completed", "ut", err)

	signed, err := c.PresignPut(ctx, "bucket", key, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored("presigned", "signed", sendSigned(srv, signed, "signed"))

	obj, err := c.GetObject(ctx, "bucket", key, nil)
	if err != nil {
		t.Fatalf("key %.40q: %v", key, err)
	}
	defer obj.Body.Close()
	if b, err := io.ReadAll(obj.Body); string(b) != "signed" || err != nil {
		t.Errorf("key %.40q: read %q, %v", key, b, err)
	}
	if err := c.DeleteObject(ctx, "bucket", key, nil); err != nil {
		t.Error(err)
	}
	if _, ok := srv.Object("bucket", key); ok {
		t.Errorf("key %.40q is still there", key)
	}
}

// sendSigned does what a machine without keys does.
func sendSigned(srv *osstest.Server, signed *oss.Presigned, body string) error {
	_, _, err := exchange(srv, signed, body)
	return err
}

// exchange sends a presigned request with plain net/http and returns the reply and its body.
func exchange(srv *osstest.Server, signed *oss.Presigned, body string) (*http.Response, string, error) {
	r, err := http.NewRequest(signed.Method, signed.URL, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header = signed.Header.Clone()
	resp, err := srv.HTTPClient().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s", resp.Status, b)
	}
	return resp, string(b), err
}

func TestCatalogueS10MetadataArrivesByteForByte(t *testing.T) {
	srv := newServer(t, nil)
	want := map[string]string{"plain": "a", "umlaut": "\u00fcber", "cjk": "\u4e2d\u6587", "sign": "a+b%20=;,\"",
		"inner": "a  b"}
	for _, sig := range []signer.Signer{signer.V1{}, signer.V4{}} {
		cfg := srv.Config()
		cfg.Signer = sig
		c := newClient(t, cfg)
		if _, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader(""),
			&oss.ObjectOptions{Metadata: want}); err != nil {
			t.Errorf("%T: %v", sig, err)
		}
		info, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if info.Metadata[name] != value {
				t.Errorf("%T: metadata %s is %q, want %q", sig, name, info.Metadata[name], value)
			}
		}
	}
}
