package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A daemon is run in the background of a test.
type daemon struct {
	cfg    oss.Config // that leads to it, with V4
	stop   context.CancelFunc
	status chan int
	stdout *screen
	stderr bytes.Buffer // to be read after end
}

// A screen is a stdout on which one can wait for the end of the introduction.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := strings.Contains(s.text.String(), "Requests:")
	s.text.Write(p)
	if !before && strings.Contains(s.text.String(), "Requests:") {
		close(s.ready)
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// launch runs ossd on a free port and waits until it listens.
func launch(t *testing.T, env map[string]string, args ...string) *daemon {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &daemon{stop: stop, status: make(chan int, 1), stdout: &screen{ready: make(chan struct{})}}
	go func() {
		d.status <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), d.stdout,
			&d.stderr, func(name string) string { return env[name] })
	}()
	select {
	case <-d.stdout.ready:
	case status := <-d.status:
		t.Fatalf("status %d: %s", status, &d.stderr)
	}
	exports := make(map[string]string)
	for _, m := range regexp.MustCompile(`(OSS_[A-Z_]+)='?([^' \n]+)`).FindAllStringSubmatch(d.stdout.String(), -1) {
		exports[m[1]] = m[2]
	}
	d.cfg = oss.Config{
		Endpoint: exports["OSS_ENDPOINT"], Region: exports["OSS_REGION"],
		Credentials: oss.Credentials{AccessKeyID: exports["OSS_ACCESS_KEY_ID"],
			AccessKeySecret: exports["OSS_ACCESS_KEY_SECRET"]},
		Retry: oss.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond},
	}
	return d
}

func (d *daemon) client(t *testing.T) *oss.Client {
	t.Helper()
	c, err := oss.NewClient(d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// end interrupts d and returns what it printed after the introduction.
func (d *daemon) end(t *testing.T) string {
	t.Helper()
	d.stop()
	if status := <-d.status; status != exitOK || d.stderr.Len() > 0 {
		t.Errorf("status %d and %q, want 0 and nothing", status, &d.stderr)
	}
	_, log, _ := strings.Cut(d.stdout.String(), "Requests:\n\n")
	return log
}

func get(t *testing.T, c *oss.Client, bucket, key string) string {
	t.Helper()
	obj, err := c.GetObject(t.Context(), bucket, key, nil)
	if err != nil {
		t.Errorf("%s/%s: %v", bucket, key, err)
		return ""
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Errorf("%s/%s: %v", bucket, key, err)
	}
	return string(data)
}
