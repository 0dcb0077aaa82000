package conformance_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A system is the system under test: a bucket, and the prefix of all keys that the checks use. It is safe for
// concurrent use.
type system struct {
	Fake *osstest.Server // nil for the service

	region   string // empty if only an endpoint is known; requests are then signed with V1
	endpoint *url.URL
	bucket   string
	prefix   string // of every key
	config   oss.Config
	client   *oss.Client
	http     *http.Client
	keys     oss.CredentialsProvider

	mu   sync.Mutex
	made map[string]bool // keys that may exist, to be removed
}

// fakeBucket is the only bucket of a fakeSystem.
const fakeBucket = "conformance"

// fakeSystem returns a new fake server. It is closed when t ends.
func fakeSystem(t *testing.T) *system {
	t.Helper()
	return fakeSystemWith(t, osstest.Options{Callbacks: new(http.Client)})
}

// fakeSystemWith is fakeSystem with options.
func fakeSystemWith(t *testing.T, opts osstest.Options) *system {
	t.Helper()
	opts.Buckets = append(opts.Buckets, fakeBucket)
	opts.Region = "cn-hangzhou"
	srv := osstest.NewServer(&opts)
	t.Cleanup(srv.Close)
	target, err := newSystem(fakeBucket, srv.Config())
	if err != nil {
		t.Fatal(err)
	}
	target.Fake = srv
	return target
}

// serviceSystem returns the bucket that the environment names, or nil if it names none. Objects and uploads of the
// checks are removed when t ends.
func serviceSystem(t *testing.T, getenv func(string) string) *system {
	t.Helper()
	bucket := getenv("OSS_TEST_BUCKET")
	if bucket == "" {
		return nil
	}
	target, err := newSystem(bucket,
		oss.Config{Region: getenv("OSS_TEST_REGION"), Endpoint: getenv("OSS_TEST_ENDPOINT")})
	if err != nil {
		t.Fatalf("OSS_TEST_BUCKET is set: %v", err)
	}
	t.Cleanup(func() { target.removeAll(t) })
	return target
}

func newSystem(bucket string, cfg oss.Config) (*system, error) {
	client, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	endpoint := cmp.Or(cfg.Endpoint, "https://oss-"+cfg.Region+".aliyuncs.com")
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	t := &system{
		region: cfg.Region, endpoint: u, bucket: bucket, config: cfg, client: client, keys: cfg.Credentials,
		prefix: fmt.Sprintf("go-oss-conformance/%s-%s/", time.Now().UTC().Format("20060102T150405Z"), rand.Text()[:8]),
		made:   make(map[string]bool),
	}
	if t.keys == nil {
		t.keys = oss.EnvCredentials()
	}
	t.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if cfg.HTTPClient != nil {
		t.http.Transport = cfg.HTTPClient.Transport
	}
	return t, nil
}

// maxKey is the maximum length of a key in bytes.
const maxKey = 1023

// missingPrefix begins the names of buckets that do not exist.
const missingPrefix = "go-oss-missing-"

// missingBucket returns the name of a bucket that does not exist.
func (t *system) missingBucket() string { return missingPrefix + strings.ToLower(rand.Text()[:16]) }

// allow returns an error for a request to the service that could read or write anything but keys below the prefix, or
// change the bucket. It notes the keys, to be removed. Every request to a fake is allowed.
func (t *system) allow(method, bucket, key string) error {
	if t.Fake != nil || strings.HasPrefix(bucket, missingPrefix) {
		return nil
	}
	if bucket != t.bucket {
		return fmt.Errorf("bucket %q is not %q: the request is not sent", bucket, t.bucket)
	}
	if key == "" && (method == http.MethodGet || method == http.MethodHead) {
		return nil
	}
	if !strings.HasPrefix(key, t.prefix) {
		return fmt.Errorf("key %q is not below %q: the request is not sent", key, t.prefix)
	}
	if len(key) > maxKey {
		return nil // no such object can exist
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[key] = true
	return nil
}

// cleanupTimeout is the time for some hundred deletions.
const cleanupTimeout = 5 * time.Minute

// removeAll deletes every object and aborts every upload below the prefix.
func (t *system) removeAll(tb testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.made {
		if err := t.client.DeleteObject(ctx, t.bucket, key, nil); err != nil {
			tb.Errorf("left behind: %v", err)
		}
	}
	for u, err := range t.client.Uploads(ctx, t.bucket, &oss.ListUploadsOptions{Prefix: t.prefix}) {
		if err != nil {
			tb.Errorf("looking for uploads left behind: %v", err)
			return
		}
		if err := t.client.AbortMultipartUpload(ctx, u.Upload); err != nil {
			tb.Errorf("left behind: %v", err)
		}
	}
}
