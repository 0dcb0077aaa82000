package oss_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// TestConfigLeadsToItsPlace is section G: which host a Config leads to, and the scope of its signatures.
func TestConfigLeadsToItsPlace(t *testing.T) {
	const hangzhou = "cn-hangzhou/oss"
	v4 := signer.V4{AdditionalHeaders: []string{"host"}}
	for _, tt := range []struct {
		name  string
		cfg   oss.Config
		host  string // of the bucket "b"
		scope string // region and product of V4, "" for V1
	}{
		{"region", oss.Config{Region: "cn-hangzhou"}, "b.oss-cn-hangzhou.aliyuncs.com", hangzhou},
		{"R10: region as GetBucketLocation spells it", oss.Config{Region: "oss-cn-hangzhou"},
			"b.oss-cn-hangzhou.aliyuncs.com", hangzhou},
		{"row 160: internal", oss.Config{Region: "cn-hangzhou", EndpointKind: oss.InternalEndpoint},
			"b.oss-cn-hangzhou-internal.aliyuncs.com", hangzhou},
		{"dual stack", oss.Config{Region: "cn-hangzhou", EndpointKind: oss.DualStackEndpoint},
			"b.cn-hangzhou.oss.aliyuncs.com", hangzhou},
		{"accelerate", oss.Config{Region: "cn-hangzhou", EndpointKind: oss.AccelerateEndpoint},
			"b.oss-accelerate.aliyuncs.com", hangzhou},
		{"accelerate overseas", oss.Config{Region: "cn-hangzhou", EndpointKind: oss.AccelerateOverseasEndpoint},
			"b.oss-accelerate-overseas.aliyuncs.com", hangzhou},

		{"row 10: endpoint that names its region", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com"},
			"b.oss-cn-hangzhou.aliyuncs.com", hangzhou},
		{"in capitals, with a dot and a port", oss.Config{Endpoint: "https://OSS-cn-hangzhou.aliyuncs.com.:443"},
			"b.oss-cn-hangzhou.aliyuncs.com.:443", hangzhou},
		{"internal one", oss.Config{Endpoint: "http://oss-cn-hangzhou-internal.aliyuncs.com"},
			"b.oss-cn-hangzhou-internal.aliyuncs.com", hangzhou},
		{"dual-stack one", oss.Config{Endpoint: "cn-hangzhou.oss.aliyuncs.com"}, "b.cn-hangzhou.oss.aliyuncs.com",
			hangzhou},
		{"one of three parts", oss.Config{Endpoint: "oss-ap-southeast-1.aliyuncs.com"},
			"b.oss-ap-southeast-1.aliyuncs.com", "ap-southeast-1/oss"},
		{"with a Signer of V4", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Signer: v4},
			"b.oss-cn-hangzhou.aliyuncs.com", hangzhou},
		{"with a Signer of V1", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Signer: signer.V1{}},
			"b.oss-cn-hangzhou.aliyuncs.com", ""},
		{"beside another region", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Region: "cn-beijing"},
			"b.oss-cn-hangzhou.aliyuncs.com", "cn-beijing/oss"},
		{"accelerate tells no region", oss.Config{Endpoint: "oss-accelerate.aliyuncs.com"},
			"b.oss-accelerate.aliyuncs.com", ""},
		{"nor overseas", oss.Config{Endpoint: "oss-accelerate-overseas.aliyuncs.com"},
			"b.oss-accelerate-overseas.aliyuncs.com", ""},
		{"private", oss.Config{Endpoint: "oss.example.com"}, "b.oss.example.com", ""},
		{"private, of a similar name", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com.example.com"},
			"b.oss-cn-hangzhou.aliyuncs.com.example.com", ""},
		{"private, of one label", oss.Config{Endpoint: "oss-server:8080"}, "b.oss-server:8080", ""},

		{"row 162: CloudBox", oss.Config{Region: "cn-hangzhou", CloudBoxID: "cb-123"},
			"b.cb-123.cn-hangzhou.oss-cloudbox.aliyuncs.com", "cb-123/oss-cloudbox"},
		{"CloudBox behind another host", oss.Config{Endpoint: "box.example.com", CloudBoxID: "cb-123"},
			"b.box.example.com", "cb-123/oss-cloudbox"},
		{"CloudBox by its endpoint", oss.Config{Endpoint: "cb-123.cn-hangzhou.oss-cloudbox.aliyuncs.com"},
			"b.cb-123.cn-hangzhou.oss-cloudbox.aliyuncs.com", "cb-123/oss-cloudbox"},
		{"CloudBox by its control endpoint", oss.Config{Region: "cn-hangzhou",
			Endpoint: "cb-123.cn-hangzhou.oss-cloudbox-control.aliyuncs.com"},
			"b.cb-123.cn-hangzhou.oss-cloudbox-control.aliyuncs.com", "cb-123/oss-cloudbox"},
		{"CloudBox with a Signer of V4", oss.Config{Region: "cn-hangzhou", CloudBoxID: "cb-123", Signer: v4},
			"b.cb-123.cn-hangzhou.oss-cloudbox.aliyuncs.com", "cb-123/oss-cloudbox"},
		{"CloudBox with a product of its Signer", oss.Config{Region: "cn-hangzhou", CloudBoxID: "cb-123",
			Signer: signer.V4{Product: "p"}}, "b.cb-123.cn-hangzhou.oss-cloudbox.aliyuncs.com", "cb-123/p"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, ""))
			c := s.client(t, tt.cfg)
			if _, err := c.HeadObject(t.Context(), "b", "key", nil); err != nil {
				t.Fatal(err)
			}
			m := s.messages()[0]
			if m.Host != tt.host {
				t.Errorf("host is %q, want %q", m.Host, tt.host)
			}
			auth := m.Header.Get("Authorization")
			if ok := strings.Contains(auth, "/"+tt.scope+"/aliyun_v4_request"); tt.scope != "" && !ok ||
				tt.scope == "" && !strings.HasPrefix(auth, "OSS TestAccessKeyID:") {
				t.Errorf("Authorization is %q, want the scope %q", auth, tt.scope)
			}
			p, err := c.PresignGet(t.Context(), "b", "key", time.Hour, nil)
			if err != nil || !strings.Contains(p.URL, "//"+tt.host+"/") || tt.scope != "" &&
				!strings.Contains(p.URL, url.QueryEscape("/"+tt.scope+"/aliyun_v4_request")) {
				t.Errorf("PresignGet: %v", err)
			}
		})
	}
}

func TestPlacesThatContradictAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oss.Config
		want string
	}{
		{"region in Endpoint", oss.Config{Endpoint: "cn-hangzhou"},
			`"cn-hangzhou" is a region: set Config.Region to "cn-hangzhou"`},
		{"region in Endpoint, of OSS", oss.Config{Endpoint: "oss-us-west-1"},
			`is a region: set Config.Region to "us-west-1"`},
		{"region in Endpoint, internal", oss.Config{Endpoint: "cn-hangzhou-internal"},
			`Config.Region to "cn-hangzhou" and Config.EndpointKind to InternalEndpoint`},
		{"kind beside Endpoint", oss.Config{Endpoint: "oss.example.com", EndpointKind: oss.InternalEndpoint},
			"Config.EndpointKind is set beside Config.Endpoint"},
		{"kind without a region", oss.Config{EndpointKind: oss.AccelerateEndpoint},
			"neither Config.Region nor Config.Endpoint"},
		{"kind of another day", oss.Config{Region: "cn-hangzhou", EndpointKind: 5}, "Config.EndpointKind 5"},
		{"negative kind", oss.Config{Region: "cn-hangzhou", EndpointKind: -1}, "Config.EndpointKind -1"},
		{"kind of a CloudBox", oss.Config{Region: "cn-hangzhou", CloudBoxID: "cb-1",
			EndpointKind: oss.InternalEndpoint}, "Config.CloudBoxID"},
		{"CloudBox alone", oss.Config{CloudBoxID: "cb-1"}, "neither Config.Region nor Config.Endpoint"},
		{"CloudBox with a slash", oss.Config{Region: "cn-hangzhou", CloudBoxID: "cb-1/x"},
			`Config.CloudBoxID "cb-1/x"`},
		{"URL endpoint with a path", oss.Config{Region: "cn-hangzhou", PresignEndpoint: "https://example.com/a"},
			"Config.PresignEndpoint: endpoint"},
		{"URL addressing without an endpoint", oss.Config{Region: "cn-hangzhou", PresignAddressing: oss.CNAME},
			"Config.PresignAddressing is set without PresignEndpoint"},
		{"URL addressing of another day", oss.Config{Region: "cn-hangzhou", PresignEndpoint: "example.com",
			PresignAddressing: 7}, "Addressing 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := oss.NewClient(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), "oss: ") {
				t.Errorf("NewClient: %v, want %s", err, tt.want)
			}
		})
	}
}

// TestURLsLeadToTheirOwnEndpoint is BR24: URLs for the public endpoint took a second Client.
func TestURLsLeadToTheirOwnEndpoint(t *testing.T) {
	srv := newServer(t, nil)
	srv.PutObject("bucket", "key", []byte("body"))
	cfg := srv.Config()
	cfg.Region, cfg.Endpoint, cfg.EndpointKind, cfg.PresignEndpoint = "cn-hangzhou", "", oss.InternalEndpoint,
		"https://oss-cn-hangzhou.aliyuncs.com"
	c := newClient(t, cfg)
	if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Fatal(err)
	}
	if got := srv.Requests("HeadObject")[0].Host; got != "bucket.oss-cn-hangzhou-internal.aliyuncs.com" {
		t.Errorf("a request went to %s", got)
	}
	get, err := c.PresignGet(t.Context(), "bucket", "key", time.Minute, nil)
	put, err2 := c.PresignPut(t.Context(), "bucket", "other", time.Minute, nil)
	for _, p := range []*oss.Presigned{get, put} {
		if err != nil || err2 != nil || !strings.HasPrefix(p.URL, "https://bucket.oss-cn-hangzhou.aliyuncs.com/") {
			t.Fatalf("presigned %v, %v, %v", p, err, err2)
		}
		if err := sendSigned(srv, p, ""); err != nil {
			t.Error(err)
		}
	}

	own := newServer(t, &osstest.Options{CNAME: map[string]string{"files.example.com": "bucket"}})
	own.PutObject("bucket", "a b", []byte("body"))
	cfg = own.Config()
	cfg.PresignEndpoint, cfg.PresignAddressing = "https://files.example.com", oss.CNAME
	p, err := newClient(t, cfg).PresignGet(t.Context(), "bucket", "a b", time.Minute, nil)
	if err != nil || !strings.HasPrefix(p.URL, "https://files.example.com/a%20b?") {
		t.Fatalf("PresignGet = %v, %v", p, err)
	}
	if err := sendSigned(own, p, ""); err != nil {
		t.Error(err)
	}
}

// TestGetSaysHowItsReplyLooks is BR20: response-* parameters took a Request and Presign.
func TestGetSaysHowItsReplyLooks(t *testing.T) {
	want := url.Values{
		"response-content-type": {"a/b"}, "response-content-language": {"de"}, "response-content-encoding": {"x-own"},
		"response-content-disposition": {`attachment; filename="a b+c.pdf"`}, "response-cache-control": {"no-cache"},
		"response-expires": {"0"},
	}
	opts := &oss.GetOptions{Response: oss.ResponseHeaders{
		ContentType: "a/b", ContentLanguage: "de", ContentEncoding: "x-own",
		ContentDisposition: `attachment; filename="a b+c.pdf"`,
		CacheControl:       "no-cache", Expires: "0",
	}}
	for _, s := range []signer.Signer{signer.V1{}, signer.V4{}} {
		srv := newServer(t, nil)
		srv.PutObject("bucket", "key", []byte("body"))
		cfg := srv.Config()
		cfg.Signer = s
		c := newClient(t, cfg)
		obj, err := c.GetObject(t.Context(), "bucket", "key", opts)
		if err != nil {
			t.Fatal(err)
		}
		obj.Body.Close()
		if obj.ContentType != "a/b" || obj.Header.Get("Content-Disposition") != `attachment; filename="a b+c.pdf"` {
			t.Errorf("%T: the reply has %v", s, obj.Header)
		}
		p, err := c.PresignGet(t.Context(), "bucket", "key", time.Minute, opts)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		for name := range want {
			if u.Query().Get(name) != want.Get(name) {
				t.Errorf("%T: %s is %q, want %q", s, name, u.Query().Get(name), want.Get(name))
			}
		}
		if err := sendSigned(srv, p, ""); err != nil {
			t.Errorf("%T: %v", s, err)
		}
	}
	if _, err := play(says(200, "")).client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", &oss.GetOptions{
		Response: oss.ResponseHeaders{ContentType: "a\r\nb"}}); err == nil ||
		!strings.Contains(err.Error(), "response-content-type") {
		t.Errorf("a line feed: %v", err)
	}
}

// TestOldAndAliasedBucketsAreReached is BR05 and row 163.
func TestOldAndAliasedBucketsAreReached(t *testing.T) {
	for _, bucket := range []string{"old_bucket", "a__b", "0_0", "ap-01-d571827a1e2ed76490899a8a922262a1b2-ossalias"} {
		s := play(says(200, ""))
		c := s.client(t, oss.Config{Region: "cn-hangzhou"})
		if _, err := c.HeadObject(t.Context(), bucket, "key", nil); err != nil {
			t.Errorf("%s: %v", bucket, err)
		} else if got := s.messages()[0].URL; got != "https://"+bucket+".oss-cn-hangzhou.aliyuncs.com/key" {
			t.Errorf("%s: asked %s", bucket, got)
		}
		if err := oss.CheckObjectName(bucket, "key"); err != nil {
			t.Error(err)
		}
		err := do(t, c, &oss.Request{Op: "PutBucket", Method: http.MethodPut, Bucket: bucket})
		if old := strings.Contains(bucket, "_"); old != (err != nil) || old &&
			!strings.Contains(err.Error(), "new bucket") {
			t.Errorf("creating %s: %v", bucket, err)
		}
		if err := do(t, c, &oss.Request{Op: "PutBucketACL", Method: http.MethodPut, Bucket: bucket,
			Query: url.Values{"acl": {""}}}); err != nil {
			t.Errorf("changing %s: %v", bucket, err)
		}
	}
}

func TestBucketsThatWouldChangeTheHostAreRefused(t *testing.T) {
	for _, bucket := range []string{
		"evil.example.com#", "127.0.0.1:80/", "a@b", "a\nb", "a\r\nHost: b", "a/b", `a\b`, "a?b", "a.b", "a%2fb", "a b",
		"_a", "a_", "-a", "a-", "A",
		"\u00e4", "a\x00", "[::1]", "a:80", "acs:oss:cn-hangzhou:1234567890123456:accesspoint/ap-01",
		"arn:acs:oss:cn-hangzhou:1:accesspoint/ap-01",
	} {
		s := play(says(200, ""))
		c := s.client(t, oss.Config{})
		_, err := c.HeadObject(t.Context(), bucket, "key", nil)
		_, err2 := c.PresignGet(t.Context(), bucket, "key", time.Hour, nil)
		err3 := do(t, c, &oss.Request{Bucket: bucket})
		_, err4 := c.Presign(t.Context(), &oss.Request{Bucket: bucket}, time.Hour)
		_, err5 := c.CopyObject(t.Context(), "bucket", "key", oss.CopySource{Bucket: bucket, Key: "key"}, nil)
		for _, err := range []error{err, err2, err3, err4, err5} {
			if err == nil || !strings.Contains(err.Error(), "bucket name") || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q: %v", bucket, err)
			}
			if isARN := strings.Contains(bucket, "accesspoint"); isARN && !strings.Contains(err.Error(), "alias") {
				t.Errorf("%q: %v, want the hint", bucket, err)
			}
		}
		if n := len(s.messages()); n != 0 {
			t.Errorf("%q: %d requests", bucket, n)
		}
	}
}
