package oss_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

func TestNewClientRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oss.Config
		want string // in the error
	}{
		{"nothing", oss.Config{}, "neither Config.Region nor Config.Endpoint"},
		{"region of an internal endpoint in full", oss.Config{Region: "oss-cn-hangzhou-internal"},
			`the region is "cn-hangzhou": set Config.EndpointKind to InternalEndpoint`},
		{"region of an internal endpoint", oss.Config{Region: "cn-hangzhou-internal"}, `the region is "cn-hangzhou"`},
		{"region without a country", oss.Config{Region: "hangzhou"}, `region "hangzhou" does not look like`},
		{"region in capitals", oss.Config{Region: "CN-Hangzhou"}, `"CN-Hangzhou"`},
		{"region with a space", oss.Config{Region: "cn-hangzhou "}, `"cn-hangzhou "`},
		{"region that is a host", oss.Config{Region: "cn-hangzhou.aliyuncs.com"}, `"cn-hangzhou.aliyuncs.com"`},
		{"scheme", oss.Config{Endpoint: "ftp://oss.example.com"}, `"ftp://oss.example.com" has a scheme`},
		{"path", oss.Config{Endpoint: "https://oss.example.com/bucket"}, `/bucket" has a path`},
		{"query", oss.Config{Endpoint: "https://oss.example.com?a=b"}, "has a query"},
		{"empty query", oss.Config{Endpoint: "https://oss.example.com?"}, "has a query"},
		{"fragment", oss.Config{Endpoint: "https://oss.example.com#a"}, "or a fragment"},
		{"user", oss.Config{Endpoint: "https://user:hunter2@oss.example.com"}, `"...@oss.example.com" has a user name`},
		{"no host", oss.Config{Endpoint: "https://"}, `"https://" has no valid host`},
		{"host with a space", oss.Config{Endpoint: "oss example.com"}, `"oss example.com"`},
		{"host with an empty label", oss.Config{Endpoint: "oss..example.com"}, "has no valid host"},
		{"host with a hyphen in front", oss.Config{Endpoint: "-oss.example.com"}, "has no valid host"},
		{"IPv6 without brackets", oss.Config{Endpoint: "::1"}, `"::1"`},
		{"port that is a word", oss.Config{Endpoint: "oss.example.com:http"}, `"oss.example.com:http"`},
		{"port that is empty", oss.Config{Endpoint: "oss.example.com:"}, "has no valid port"},
		{"port above 65535", oss.Config{Endpoint: "oss.example.com:65536"}, "has no valid port"},
		{"port 0", oss.Config{Endpoint: "oss.example.com:0"}, "has no valid port"},
		{"bucket in the endpoint", oss.Config{Endpoint: "https://photos.oss-cn-hangzhou.aliyuncs.com"},
			"names a bucket; pass the bucket to each call instead"},
		{"line feed", oss.Config{Endpoint: "oss.example.com\n"}, `"oss.example.com\n"`},
		{"addressing", oss.Config{Region: "cn-hangzhou", Addressing: 3}, "Config.Addressing 3"},
		{"attempts", oss.Config{Region: "cn-hangzhou", Retry: oss.Retry{Attempts: -1}}, "Retry.Attempts -1"},
		{"min wait", oss.Config{Region: "cn-hangzhou", Retry: oss.Retry{MinWait: -time.Second}}, "Retry.MinWait -1s"},
		{"max wait", oss.Config{Region: "cn-hangzhou", Retry: oss.Retry{MaxWait: -time.Second}}, "Retry.MaxWait -1s"},
		{"stall", oss.Config{Region: "cn-hangzhou", Retry: oss.Retry{Stall: -time.Second}}, "Retry.Stall -1s"},
		{"part size", oss.Config{Region: "cn-hangzhou", MinPartSize: -1}, "Config.MinPartSize -1"},
		{"no key ID", oss.Config{Region: "cn-hangzhou", Credentials: oss.Credentials{AccessKeySecret: "hunter2"}},
			"AccessKeyID is empty"},
		{"no secret", oss.Config{Region: "cn-hangzhou", Credentials: oss.Credentials{AccessKeyID: "id"}},
			"AccessKeySecret is empty"},
		{"user agent", oss.Config{Region: "cn-hangzhou", UserAgent: "a\r\nX-Evil: 1"},
			`Config.UserAgent "a\r\nX-Evil: 1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := oss.NewClient(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "oss: ") {
				t.Fatalf("NewClient: %v, want an error with %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestRequestsGoToTheEndpoint(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oss.Config
		want string // URL of oss://bucket/a b
	}{
		{"region", oss.Config{Region: "cn-hangzhou"}, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
		{"region of another form", oss.Config{Region: "rg-china-mainland"},
			"https://bucket.oss-rg-china-mainland.aliyuncs.com/a%20b"},
		{"region with digits", oss.Config{Region: "ap-southeast-1"},
			"https://bucket.oss-ap-southeast-1.aliyuncs.com/a%20b"},
		{"host", oss.Config{Endpoint: "oss-cn-hangzhou-internal.aliyuncs.com"},
			"https://bucket.oss-cn-hangzhou-internal.aliyuncs.com/a%20b"},
		{"host beside a region", oss.Config{Region: "cn-hangzhou", Endpoint: "oss-accelerate.aliyuncs.com"},
			"https://bucket.oss-accelerate.aliyuncs.com/a%20b"},
		{"http", oss.Config{Endpoint: "http://oss.example.com"}, "http://bucket.oss.example.com/a%20b"},
		{"scheme and host in capitals", oss.Config{Endpoint: "HTTP://OSS.Example.com/"},
			"http://bucket.oss.example.com/a%20b"},
		{"port", oss.Config{Endpoint: "https://oss.example.com:8443"}, "https://bucket.oss.example.com:8443/a%20b"},
		{"path style", oss.Config{Endpoint: "http://localhost:9000", Addressing: oss.PathStyle},
			"http://localhost:9000/bucket/a%20b"},
		{"CNAME", oss.Config{Endpoint: "https://files.example.com", Addressing: oss.CNAME},
			"https://files.example.com/a%20b"},
		{"IPv4", oss.Config{Endpoint: "http://127.0.0.1"}, "http://127.0.0.1/bucket/a%20b"},
		{"IPv4 and port", oss.Config{Endpoint: "127.0.0.1:8080"}, "https://127.0.0.1:8080/bucket/a%20b"},
		{"IPv6", oss.Config{Endpoint: "http://[2001:DB8::1]"}, "http://[2001:db8::1]/bucket/a%20b"},
		{"IPv6 and port", oss.Config{Endpoint: "[::1]:8080"}, "https://[::1]:8080/bucket/a%20b"},
		{"IP as a CNAME", oss.Config{Endpoint: "http://10.0.0.1", Addressing: oss.CNAME}, "http://10.0.0.1/a%20b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(http.StatusOK, ""))
			if _, err := s.client(t, tt.cfg).HeadObject(t.Context(), "bucket", "a b", nil); err != nil {
				t.Fatal(err)
			}
			if got := s.messages()[0].URL; got != tt.want {
				t.Errorf("asked %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSignatureFollowsRegionAndSigner(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  oss.Config
		want string // begins the Authorization header
	}{
		{"region", oss.Config{Region: "cn-hangzhou"}, "OSS4-HMAC-SHA256 Credential=TestAccessKeyID/"},
		{"endpoint of no region", oss.Config{Endpoint: "oss-accelerate.aliyuncs.com"}, "OSS TestAccessKeyID:"},
		{"both", oss.Config{Region: "cn-hangzhou", Endpoint: "oss-accelerate.aliyuncs.com"}, "OSS4-HMAC-SHA256 "},
		{"signer", oss.Config{Region: "cn-hangzhou", Signer: signer.V1{}}, "OSS TestAccessKeyID:"},
		{"anonymous", oss.Config{Region: "cn-hangzhou", Credentials: oss.AnonymousCredentials()}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(http.StatusOK, ""))
			if _, err := s.client(t, tt.cfg).HeadObject(t.Context(), "bucket", "key", nil); err != nil {
				t.Fatal(err)
			}
			got := s.messages()[0].Header.Get("Authorization")
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("Authorization is %q, want it to begin with %q", got, tt.want)
			}
		})
	}
}

func TestUserAgentNamesModuleAndProgram(t *testing.T) {
	s := play(says(http.StatusOK, ""))
	if _, err := s.client(t, oss.Config{UserAgent: "backup/1.2"}).HeadObject(t.Context(), "bucket", "key",
		nil); err != nil {
		t.Fatal(err)
	}
	got := s.messages()[0].Header.Get("User-Agent")
	if !strings.HasPrefix(got, "go-oss/"+oss.Version+" (") || !strings.HasSuffix(got, " backup/1.2") {
		t.Errorf("User-Agent is %q", got)
	}
}

// idle counts what is asked of it besides requests.
type idle struct {
	*script
	closed int
}

func (i *idle) CloseIdleConnections() { i.closed++ }

func TestCatalogueP6CallersThingsAreNotModified(t *testing.T) {
	transport := &idle{script: play(breaks(errors.New("broken")), refuses(http.StatusForbidden, "AccessDenied"))}
	redirect := func(*http.Request, []*http.Request) error { return errors.New("mine") }
	httpClient := &http.Client{Transport: transport, CheckRedirect: redirect, Timeout: time.Minute}
	before := *httpClient
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, HTTPClient: httpClient,
		Retry: oss.Retry{MinWait: 1, MaxWait: 1}})

	object := &oss.ObjectOptions{
		Header: http.Header{"x-oss-lower": {"1"}}, Metadata: map[string]string{"A": "b"},
		Tags: map[string]string{"c": "d"},
	}
	part := &oss.PartOptions{Header: http.Header{"X-A": {"1"}}, TrafficLimit: 819200, MD5: make([]byte, 16)}
	get := &oss.GetOptions{Header: http.Header{"x-b": {"2"}}, Offset: 1}
	complete := &oss.CompleteOptions{Header: http.Header{"x-c": {"3"}}, ACL: "private"}
	parts := []oss.Part{{Number: 2, ETag: "b"}, {Number: 1, ETag: "a"}}
	list := &oss.ListPartsOptions{}
	request := &oss.Request{Bucket: "bucket", Query: map[string][]string{"acl": {""}},
		Header: http.Header{"x-d": {"4"}}}
	body := strings.NewReader("body")
	_, _ = body.Seek(2, 0)
	all := []any{object, part, get, complete, &parts, list, request}
	want := []any{
		&oss.ObjectOptions{Header: http.Header{"x-oss-lower": {"1"}}, Metadata: map[string]string{"A": "b"},
			Tags: map[string]string{"c": "d"}},
		&oss.PartOptions{Header: http.Header{"X-A": {"1"}}, TrafficLimit: 819200, MD5: make([]byte, 16)},
		&oss.GetOptions{Header: http.Header{"x-b": {"2"}}, Offset: 1},
		&oss.CompleteOptions{Header: http.Header{"x-c": {"3"}}, ACL: "private"},
		&[]oss.Part{{Number: 2, ETag: "b"}, {Number: 1, ETag: "a"}},
		&oss.ListPartsOptions{},
		&oss.Request{Bucket: "bucket", Query: map[string][]string{"acl": {""}}, Header: http.Header{"x-d": {"4"}}},
	}

	ctx := t.Context()
	_, _ = c.PutObject(ctx, "bucket", "key", body, object)
	_, _ = c.UploadPart(ctx, upload, 1, body, part)
	_, _ = c.GetObject(ctx, "bucket", "key", get)
	_, _ = c.CompleteMultipartUpload(ctx, upload, parts, complete)
	for range c.Parts(ctx, upload, list) {
	}
	_, _ = c.Do(ctx, request)
	_, _ = c.Presign(ctx, request, time.Hour)
	_, _ = c.PresignPut(ctx, "bucket", "key", time.Hour, object)

	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if n := len(transport.messages()); n < 7 {
		t.Errorf("only %d requests were made", n)
	}
	if body.Len() != 2 {
		t.Errorf("the body's own position moved: %d bytes left, want 2", body.Len())
	}
	if httpClient.Transport != before.Transport || httpClient.Timeout != before.Timeout ||
		httpClient.CheckRedirect(nil, nil).Error() != "mine" {
		t.Errorf("the http.Client is now %+v, was %+v", httpClient, before)
	}
	if transport.closed != 0 {
		t.Errorf("idle connections were closed %d times", transport.closed)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	s := play(refuses(http.StatusTemporaryRedirect, "TemporaryRedirect", "Location",
		"https://elsewhere.example.com/key"))
	_, err := s.client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", nil)
	var refused *oss.ServiceError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusTemporaryRedirect ||
		!errors.Is(err, oss.Code("TemporaryRedirect")) {
		t.Errorf("GetObject: %v, want the redirect as a ServiceError", err)
	}
	if n := len(s.messages()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestLoggerIsTheConfiguredOneOrSilent(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	if got := newClient(t, oss.Config{Region: "cn-hangzhou", Logger: log}).Logger(); got != log {
		t.Errorf("Logger = %v, want the one of the Config", got)
	}
	if got := newClient(t, oss.Config{Region: "cn-hangzhou"}).Logger(); got == nil ||
		got.Enabled(t.Context(), slog.LevelError) {
		t.Errorf("Logger without one in the Config = %v, want one that discards", got)
	}
}

func TestMinPartSizeIsThatOfOSSUnlessLowered(t *testing.T) {
	for _, tt := range []struct{ set, want int64 }{{0, oss.MinPartSize}, {4, 4}} {
		if got := newClient(t, oss.Config{Region: "cn-hangzhou", MinPartSize: tt.set}).MinPartSize(); got != tt.want {
			t.Errorf("MinPartSize with %d = %d, want %d", tt.set, got, tt.want)
		}
	}
}

// TestRepliesThatLackSomethingAreNoPanic holds what http.Client holds for an http.RoundTripper.
func TestRepliesThatLackSomethingAreNoPanic(t *testing.T) {
	client := func(resp *http.Response) *oss.Client {
		return newClient(t, oss.Config{
			Region: "cn-hangzhou", Credentials: keys, Retry: oss.Retry{Attempts: 1},
			HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
				return resp, nil
			})},
		})
	}
	if _, err := client(nil).HeadObject(t.Context(), "bucket", "key", nil); err == nil ||
		!strings.Contains(err.Error(), "transportFunc returned neither") {
		t.Errorf("no reply: %v, want the transport blamed", err)
	}
	if err := client(&http.Response{
		StatusCode: 204, Header: http.Header{"X-Oss-Request-Id": {"5C3D9175B6FC201293AD4890"}},
	}).DeleteObject(t.Context(), "bucket", "key", nil); err != nil {
		t.Errorf("a reply without a body: %v", err)
	}
	if _, err := client(&http.Response{StatusCode: 403}).HeadObject(t.Context(), "bucket", "key", nil); !errors.Is(err,
		fs.ErrPermission) {
		t.Errorf("a refusal without a body: %v, want fs.ErrPermission", err)
	}
}
