package credentials_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/signer"
)

const (
	roleARN     = "acs:ram::1234567890123456:role/writer"
	providerARN = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"
)

// user has long-term keys.
var user = signer.Credentials{AccessKeyID: "LTAI-user", AccessKeySecret: "hunter2-secret"}

// isolate leaves no trace of keys in the environment and the home directory, which it returns.
func isolate(t *testing.T) string {
	t.Helper()
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"OSS", "ALIBABA", "ALICLOUD", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
			"https_proxy"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	return home
}

// A counted source has keys called "key-1", "key-2" and so on, takes a second for each, and fails on demand.
type counted struct {
	life time.Duration // 0 for keys that never expire
	same bool          // the keys are called "key-1" forever

	mu    sync.Mutex
	n     int
	fails error
	hangs bool
}

func (s *counted) Credentials(ctx context.Context) (signer.Credentials, error) {
	s.mu.Lock()
	s.n++
	n, fails, hangs := s.n, s.fails, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return signer.Credentials{}, ctx.Err()
	}
	time.Sleep(time.Second)
	if fails != nil {
		return signer.Credentials{}, fails
	}
	if s.same {
		n = 1
	}
	c := signer.Credentials{AccessKeyID: fmt.Sprint("key-", n), AccessKeySecret: "secret"}
	if s.life > 0 {
		c.Expires = time.Now().Add(s.life)
	}
	return c, nil
}

func (s *counted) set(fails error, hangs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.hangs = fails, hangs
}

func (s *counted) fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// ask returns the ID of the keys of p, or the text of the error.
func ask(t *testing.T, p credentials.Source) string {
	t.Helper()
	c, err := p.Credentials(t.Context())
	if err != nil {
		if (c != signer.Credentials{}) {
			t.Errorf("keys %v come with the error %v", c, err)
		}
		return err.Error()
	}
	return c.AccessKeyID
}

// need returns the keys of p or fails the test.
func need(t *testing.T, p credentials.Source) signer.Credentials {
	t.Helper()
	c, err := p.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wants fails the test unless the text of err has every want.
func wants(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
}

// failure returns the error of p.
func failure(t *testing.T, p credentials.Source) error {
	t.Helper()
	c, err := p.Credentials(t.Context())
	if err == nil {
		t.Errorf("got %v, want an error", c)
	}
	return err
}

// A record keeps all that is logged.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// errDown is the error of a source that cannot be reached.
var errDown = errors.New("it is down")

// A sourceFunc is a Source.
type sourceFunc func() (signer.Credentials, error)

func (f sourceFunc) Credentials(context.Context) (signer.Credentials, error) { return f() }
