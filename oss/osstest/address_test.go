package osstest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

func TestHostNamesTheBucket(t *testing.T) {
	srv := start(t, &osstest.Options{CNAME: map[string]string{"CDN.example.com": "bound"}})
	tests := []struct {
		host, path string
		bucket     string // as in the log
		want       string // of an unsigned request, which gets this far if the address is good
	}{
		{"pics.oss-cn-hangzhou.aliyuncs.com", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"PICS.oss-cn-hangzhou.aliyuncs.com:443", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"pics.oss-cn-hangzhou-internal.aliyuncs.com", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"pics.oss-accelerate.aliyuncs.com", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"pics.cn-hangzhou.oss.aliyuncs.com", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"pics.oss-cn-beijing.aliyuncs.com", "/k", "pics", "403 AccessDenied 0003-00001403"},
		{"pics.oss.example.com", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"pics.localhost:80", "/k", "pics", "403 AccessDenied 0003-00000905"},
		{"cdn.example.com", "/k", "bound", "403 AccessDenied 0003-00000905"},
		{"127.0.0.1:9000", "/pics/k", "pics", "403 AccessDenied 0003-00000905"},
		{"[::1]:9000", "/pics/k", "pics", "403 AccessDenied 0003-00000905"},
		{"[::1]", "/pics/k", "pics", "403 AccessDenied 0003-00000905"},
		{"localhost", "/pics/k", "pics", "403 AccessDenied 0003-00000905"},
		{"oss-cn-hangzhou.aliyuncs.com", "/pics/k", "", "403 SecondLevelDomainForbidden"},
		{"oss-cn-hangzhou.aliyuncs.com", "/", "", "403 AccessDenied 0003-00000905"},
		{"example.com", "/pics/k", "", "403 NonStandardHostForbidden"},
		{"Pi_cs.oss-cn-hangzhou.aliyuncs.com", "/k", "pi_cs", "400 InvalidBucketName 0015-00000001"},
		{"10.0.0.1", "/-pics/k", "-pics", "400 InvalidBucketName 0015-00000001"},
		{"10.0.0.1", "/" + strings.Repeat("b", 64) + "/k", strings.Repeat("b", 64),
			"400 InvalidBucketName 0015-00000001"},
	}
	for _, tt := range tests {
		t.Run(tt.host+tt.path, func(t *testing.T) {
			got := send(t, srv, call{method: "GET", unsigned: true, change: func(req *http.Request) {
				req.Host, req.URL.Path, req.URL.RawPath = tt.host, tt.path, ""
			}})
			if got.String() != tt.want || got.err.HostID != tt.host {
				t.Errorf("got %v from %s, want %s", got, got.err.HostID, tt.want)
			}
			all := srv.Requests()
			if r := all[len(all)-1]; r.Bucket != tt.bucket || r.Host != tt.host {
				t.Errorf("request = %+v, want bucket %q", r, tt.bucket)
			}
		})
	}
}

func TestWrongEndpointNamesTheRightOne(t *testing.T) {
	srv := start(t, &osstest.Options{Region: "cn-shanghai"})
	got := send(t, srv, call{method: "GET", key: "k", host: "pics.oss-cn-beijing.aliyuncs.com"})
	if got.err.Get("Bucket") != "pics" || got.err.Get("Endpoint") != "oss-cn-shanghai.aliyuncs.com" {
		t.Errorf("extras = %+v", got.err.Extra)
	}
}

func TestEveryStyleReachesTheSameObject(t *testing.T) {
	srv := start(t, &osstest.Options{CNAME: map[string]string{"files.example.com": "bucket"}})
	srv.PutObject("bucket", "dir/key", []byte("content"))
	for name, change := range map[string]func(*oss.Config){
		"virtual":    func(*oss.Config) {},
		"plain http": func(c *oss.Config) { c.Endpoint = "http://oss-cn-hangzhou.aliyuncs.com" },
		"V1": func(c *oss.Config) {
			c.Region, c.Signer, c.Endpoint = "", signer.V1{}, "oss-cn-hangzhou.aliyuncs.com"
		},
		"IP":           func(c *oss.Config) { c.Endpoint = "http://192.0.2.7:8080" },
		"path":         func(c *oss.Config) { c.Endpoint, c.Addressing = "http://localhost:8080", oss.PathStyle },
		"CNAME":        func(c *oss.Config) { c.Endpoint, c.Addressing = "https://files.example.com", oss.CNAME },
		"accelerate":   func(c *oss.Config) { c.Endpoint = "oss-accelerate.aliyuncs.com" },
		"installation": func(c *oss.Config) { c.Endpoint = "https://oss.corp.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := srv.Config()
			change(&cfg)
			c, err := oss.NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			info, err := c.HeadObject(t.Context(), "bucket", "dir/key", nil)
			if err != nil || info.Size != 7 {
				t.Errorf("HeadObject = %+v, %v", info, err)
			}
		})
	}
}

func TestKeysAreTakenByteForByte(t *testing.T) {
	keys := []string{
		"plain", "a b", "a+b", "a%b", "a%2Fb", "a?b#c", "a//b", "a/../b", "./a", "a/.", "..", "a/",
		"\n\v\f\x1a\x1c", "\U0001F600", "a;b&c=d",
		strings.Repeat("k", 1023), "a\\b",
	}
	srv := start(t, nil)
	for _, key := range keys {
		if got := send(t, srv, call{method: "PUT", key: key, body: key}); got.status != 200 {
			t.Errorf("PUT %q: %v", key, got)
		}
		if o, ok := srv.Object("bucket", key); !ok || string(o.Data) != key {
			t.Errorf("object %q = %q, %t", key, o.Data, ok)
		}
		if got := send(t, srv, call{method: "GET", key: key}); got.body != key {
			t.Errorf("GET %q: %v %q", key, got, got.body)
		}
	}
	if got := srv.Objects("bucket"); len(got) != len(keys) {
		t.Errorf("%d objects, want %d", len(got), len(keys))
	}
	if got := srv.Objects("other"); len(got) > 0 {
		t.Errorf("other bucket has %q", got)
	}
}

func TestImpossibleKeysAreRefused(t *testing.T) {
	srv := start(t, nil)
	for _, key := range []string{"/a", "\\a", strings.Repeat("k", 1024)} {
		if got := send(t, srv, call{method: "PUT", key: key}); got.String() != "400 InvalidObjectName" {
			t.Errorf("PUT %.9q: %v", key, got)
		}
	}
}
