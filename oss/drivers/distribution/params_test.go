package ossdistribution

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// with returns the parameters that every configuration needs, changed.
func with(changes map[string]any) map[string]any {
	p := map[string]any{"region": "cn-hangzhou", "bucket": "images", "accesskeyid": "id", "accesskeysecret": "secret"}
	maps.Copy(p, changes)
	return p
}

// The URL of a redirect shows where a driver sends its requests.
func TestEndpoints(t *testing.T) {
	for _, tt := range []struct {
		parameters map[string]any
		want       string
	}{
		{nil, "https://images.oss-cn-hangzhou.aliyuncs.com/x?"},
		{map[string]any{"region": "oss-cn-hangzhou"}, "https://images.oss-cn-hangzhou.aliyuncs.com/x?"},
		{map[string]any{"internal": true}, "https://images.oss-cn-hangzhou-internal.aliyuncs.com/x?"},
		{map[string]any{"internal": "true", "secure": "false"},
			"http://images.oss-cn-hangzhou-internal.aliyuncs.com/x?"},
		{map[string]any{"endpoint": "images.oss-cn-hangzhou.aliyuncs.com", "internal": true},
			"https://images.oss-cn-hangzhou.aliyuncs.com/x?"},
		{map[string]any{"endpoint": "oss-cn-hangzhou.aliyuncs.com"}, "https://images.oss-cn-hangzhou.aliyuncs.com/x?"},
		{map[string]any{"endpoint": "http://oss-cn-hangzhou.aliyuncs.com"},
			"http://images.oss-cn-hangzhou.aliyuncs.com/x?"},
		{map[string]any{"endpoint": "images.example.com"}, "https://images.example.com/x?"},
		{map[string]any{"endpoint": "registry.example.com", "secure": false}, "http://registry.example.com/x?"},
		{map[string]any{"endpoint": "127.0.0.1:9000", "secure": false}, "http://127.0.0.1:9000/images/x?"},
		{map[string]any{"endpoint": "http://[::1]:9000"}, "http://[::1]:9000/images/x?"},
		{map[string]any{"internal": true, "redirectendpoint": "registry.example.com"},
			"https://registry.example.com/x?"},
		{map[string]any{"rootdirectory": "/a/b/"}, "https://images.oss-cn-hangzhou.aliyuncs.com/a/b/x?"},
	} {
		d, err := FromParameters(with(tt.parameters))
		if err != nil {
			t.Errorf("%v: %v", tt.parameters, err)
			continue
		}
		got, err := d.RedirectURL(httptest.NewRequest(http.MethodGet, "/x", nil), "/x")
		if err != nil || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%v: %s, %v, want %s", tt.parameters, got, err, tt.want)
		}
		if got, err := d.RedirectURL(httptest.NewRequest(http.MethodPost, "/x", nil), "/x"); got != "" || err != nil {
			t.Errorf("%v: redirect of a POST to %q, %v", tt.parameters, got, err)
		}
	}
}

func TestOptionsFromParameters(t *testing.T) {
	for _, tt := range []struct {
		parameters map[string]any
		want       oss.Encryption
	}{
		{map[string]any{"encrypt": nil}, oss.Encryption{}},
		{map[string]any{"encrypt": false, "chunksize": 10485760}, oss.Encryption{}},
		{map[string]any{"encrypt": true, "chunksize": "0x100000"}, oss.Encryption{Algorithm: "AES256"}},
		{map[string]any{"encrypt": "true", "encryptionkeyid": 123, "useragent": "test/1"},
			oss.Encryption{Algorithm: "KMS", KeyID: "123"}},
		{map[string]any{"accesskeyid": nil, "accesskeysecret": nil}, oss.Encryption{}},
	} {
		d, err := FromParameters(with(tt.parameters))
		if err != nil {
			t.Errorf("%v: %v", tt.parameters, err)
			continue
		}
		if diff := cmp.Diff(tt.want, d.StorageDriver.(*driver).encryption); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.parameters, diff)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	for _, tt := range []struct {
		parameters map[string]any
		want       string // in the error
	}{
		{map[string]any{"region": ""}, "region"},
		{map[string]any{"bucket": nil}, "bucket"},
		{map[string]any{"bucket": "Images"}, "bucket"},
		{map[string]any{"accesskeyid": nil}, "accesskeyid"},
		{map[string]any{"accesskeysecret": ""}, "accesskeysecret"},
		{map[string]any{"secure": "perhaps"}, "secure"},
		{map[string]any{"internal": 2}, "internal"},
		{map[string]any{"encrypt": "yes!"}, "encrypt"},
		{map[string]any{"encryptionkeyid": "k"}, "encrypt"},
		{map[string]any{"chunksize": "10 MiB"}, "chunksize"},
		{map[string]any{"chunksize": 1000}, "chunksize"},
		{map[string]any{"chunksize": -1}, "chunksize"},
		{map[string]any{"chunksize": 1 << 40}, "chunksize"},
		{map[string]any{"endpoint": "http://oss-cn-hangzhou.aliyuncs.com", "secure": true}, "secure"},
		{map[string]any{"endpoint": "a b"}, "endpoint"},
		{map[string]any{"encypt": true}, "encypt"},
		{map[string]any{"rootdirectory": strings.Repeat("x", 1100)}, "key"},
	} {
		_, err := FromParameters(with(tt.parameters))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret\"") {
			t.Errorf("%v: %v", tt.parameters, err)
		}
	}
}

// All objects are private and encrypted, whichever method makes them.
func TestAllObjectsHaveTheProperties(t *testing.T) {
	srv, address := newServer(t)
	parameters := parametersFor(address)
	parameters["encrypt"], parameters["encryptionkeyid"], parameters["chunksize"] = true, "key", 128<<10
	d, err := FromParameters(parameters)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PutContent(t.Context(), "/put", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for path, appends := range map[string]bool{"/small": false, "/large": false, "/continued": true} {
		n := 10
		if path != "/small" {
			n = 1 << 20
		}
		if appends {
			mustClose(t, mustWrite(t, d, path, false, n))
		}
		w := mustWrite(t, d, path, appends, n)
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Move(t.Context(), "/large", "/moved"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"put", "small", "continued", "moved"} {
		object, ok := srv.Stat("images", key)
		info, err := srv.Client().HeadObject(t.Context(), "images", key, nil)
		if !ok || err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		got := fmt.Sprint(object.ACL, " ", info.Header.Get("x-oss-server-side-encryption"), " ",
			info.Header.Get("x-oss-server-side-encryption-key-id"), " ", info.ContentType)
		if got != "private KMS key application/octet-stream" {
			t.Errorf("%s is %s", key, got)
		}
	}
}

// The secret is in no error and no printed value.
func TestSecretsAreHidden(t *testing.T) {
	srv := osstest.NewServer(nil)
	port := httptest.NewServer(srv)
	defer srv.Close()
	defer port.Close()
	parameters := parametersFor(port.URL)
	parameters["accesskeysecret"] = "wrong-and-secret"
	d, err := FromParameters(parameters)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.GetContent(t.Context(), "/x")
	if err == nil {
		t.Error("a wrong secret is accepted")
	}
	if text := fmt.Sprintf("%v %+v %+v", err, err, d); strings.Contains(text, "wrong-and-secret") {
		t.Errorf("the secret is in %s", text)
	}
}
