package conformance

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

// A Target is what assumptions are checked against: a bucket, and a prefix below which everything
// happens. It is safe for concurrent use.
type Target struct {
	Fake *osstest.Server // nil if the target is the service

	region   string // empty if there is only an endpoint; then V1 is signed
	endpoint *url.URL
	bucket   string
	prefix   string // of every key
	config   oss.Config
	client   *oss.Client
	http     *http.Client
	keys     oss.CredentialsProvider

	mu   sync.Mutex
	made map[string]bool // keys that were handed out, to be removed
}

// fakeBucket is the only bucket of a fake target.
const fakeBucket = "conformance"

// FakeTarget returns a new fake server as a target. It ends with t.
func FakeTarget(t *testing.T) *Target {
	t.Helper()
	return fakeTarget(t, osstest.Options{Callbacks: new(http.Client)})
}

// fakeTarget is FakeTarget for a server that opts shape further.
func fakeTarget(t *testing.T, opts osstest.Options) *Target {
	t.Helper()
	opts.Buckets = append(opts.Buckets, fakeBucket)
	opts.Region = "cn-hangzhou"
	srv := osstest.NewServer(&opts)
	t.Cleanup(srv.Close)
	target, err := newTarget(fakeBucket, srv.Config())
	if err != nil {
		t.Fatal(err)
	}
	target.Fake = srv
	return target
}

// ServiceTarget returns the target that the environment names, or nil if it names none. What the
// checks leave in it is removed when t ends.
func ServiceTarget(t *testing.T, getenv func(string) string) *Target {
	t.Helper()
	bucket := getenv("OSS_TEST_BUCKET")
	if bucket == "" {
		return nil
	}
	target, err := newTarget(bucket, oss.Config{Region: getenv("OSS_TEST_REGION"), Endpoint: getenv("OSS_TEST_ENDPOINT")})
	if err != nil {
		t.Fatalf("OSS_TEST_BUCKET is set: %v", err)
	}
	t.Cleanup(func() { target.removeAll(t) })
	return target
}

func newTarget(bucket string, cfg oss.Config) (*Target, error) {
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
	t := &Target{
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

// maxKey is how many bytes a key may have.
const maxKey = 1023

// missing is how the names of buckets begin that checks take for missing.
const missing = "go-oss-missing-"

// missingBucket returns the name of a bucket that does not exist.
func (t *Target) missingBucket() string { return missing + strings.ToLower(rand.Text()[:16]) }

// allow refuses requests that could touch what is not the suite's own: in the bucket only keys below
// the prefix are written or read, and the bucket itself is only read. The keys are remembered,
// to be removed. A fake has nothing to lose.
func (t *Target) allow(method, bucket, key string) error {
	if t.Fake != nil || strings.HasPrefix(bucket, missing) {
		return nil
	}
	if bucket != t.bucket {
		return fmt.Errorf("bucket %q is not %q: refusing to touch it", bucket, t.bucket)
	}
	if key == "" && (method == http.MethodGet || method == http.MethodHead) {
		return nil
	}
	if !strings.HasPrefix(key, t.prefix) {
		return fmt.Errorf("key %q is not below %q: refusing to touch it", key, t.prefix)
	}
	if len(key) > maxKey {
		return nil // it can be asked for, but never be made
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made[key] = true
	return nil
}

// cleanupTimeout is plenty for some hundred deletions.
const cleanupTimeout = 5 * time.Minute

// removeAll deletes every object and aborts every upload below the prefix.
func (t *Target) removeAll(tb testing.TB) {
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
