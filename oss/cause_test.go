package oss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A call or a read that ends because its context does has both the error and the cause of the context. Of a Body, the
// error was missing, because net/http returns the cause only; of everything else the cause.
func TestWhatACancellationEndsHasItsErrorAndItsCause(t *testing.T) {
	slowly, hangs := osstest.Slow(10), osstest.Hang()
	get := func(opts *oss.GetOptions) func(context.Context, *oss.Client) error {
		return func(ctx context.Context, c *oss.Client) error {
			obj, err := c.GetObject(ctx, "bucket", "key", opts)
			if err != nil {
				return err
			}
			defer obj.Body.Close()
			_, err = io.Copy(io.Discard, obj.Body)
			return err
		}
	}
	for _, tt := range []struct {
		name, op string
		effect   osstest.Effect
		do       func(context.Context, *oss.Client) error
	}{
		{"Body", "GetObject", slowly, get(nil)},
		{"Body of a range", "GetObject", slowly, get(&oss.GetOptions{Offset: 10})},
		{"Body that waits to resume", "GetObject", osstest.Truncate(10), get(nil)},
		{"Body that cannot resume", "GetObject", slowly,
			get(&oss.GetOptions{Header: http.Header{"Accept-Encoding": {"gzip"}}})},
		{"Body of Do", "GetObject", slowly, func(ctx context.Context, c *oss.Client) error {
			resp, err := c.Do(ctx, &oss.Request{Op: "GetObject", Bucket: "bucket", Key: "key"})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		}},
		{"ObjectReader.Read", "GetObject", slowly, func(ctx context.Context, c *oss.Client) error {
			r, err := c.OpenObject(ctx, "bucket", "key", nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		}},
		{"ObjectReader.ReadAtContext", "GetObject", slowly, func(ctx context.Context, c *oss.Client) error {
			r, err := c.OpenObject(context.WithoutCancel(ctx), "bucket", "key", nil)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = r.ReadAtContext(ctx, make([]byte, 500), 100)
			return err
		}},
		{"request without a reply", "HeadObject", hangs, func(ctx context.Context, c *oss.Client) error {
			_, err := c.HeadObject(ctx, "bucket", "key", nil)
			return err
		}},
		{"retry", "DeleteObject", osstest.Fail(503, "InternalError"), func(ctx context.Context, c *oss.Client) error {
			return c.DeleteObject(ctx, "bucket", "key", nil)
		}},
		{"document", "ListObjectsV2", slowly, func(ctx context.Context, c *oss.Client) error {
			_, err := c.ListObjects(ctx, "bucket", nil)
			return err
		}},
		{"list", "ListObjectsV2", slowly, func(ctx context.Context, c *oss.Client) error {
			for _, err := range c.Objects(ctx, "bucket", nil) {
				return err
			}
			return nil
		}},
		{"MD5 of a Body that blocks", "", nil, func(ctx context.Context, c *oss.Client) error {
			_, err := c.PutObject(ctx, "bucket", "key", blocked{}, nil)
			return err
		}},
		{"Body that blocks", "", nil, func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPart(ctx, upload, 1, blocked{}, &oss.PartOptions{Checksum: oss.ChecksumNone})
			return err
		}},
		{"append that is sent again", "AppendObject", osstest.Drop(), func(ctx context.Context,
			c *oss.Client) error {
			_, err := c.AppendObject(ctx, "bucket", "log", 0, strings.NewReader("x"), nil)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				srv.PutObject("bucket", "key", []byte(content(1000)))
				if tt.op != "" {
					srv.Inject(osstest.Fault{Op: tt.op, Effect: tt.effect})
				}
				cfg := srv.Config()
				cfg.Retry = oss.Retry{MinWait: time.Hour, MaxWait: time.Hour}
				wantBoth(t, func(ctx context.Context) error { return tt.do(ctx, newClient(t, cfg)) })
			})
		})
	}
}

// wantBoth calls do with contexts that end after a second.
func wantBoth(t *testing.T, do func(context.Context) error) {
	t.Helper()
	stop := errors.New("the user has pressed stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Second, func() { cancel(stop) })
	began := time.Now()
	err := do(ctx)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, stop) || time.Since(began) != time.Second {
		t.Fatalf("cancelled: %v, after %v", err, time.Since(began))
	}
	if n := strings.Count(err.Error(), stop.Error()); n != 1 {
		t.Errorf("%q has the cause %d times", err, n)
	}
	ctx, end := context.WithTimeoutCause(t.Context(), time.Second, stop)
	defer end()
	if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, stop) {
		t.Errorf("late: %v", err)
	}
	ctx, give := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, give)
	err = do(ctx)
	if n := strings.Count(err.Error(), context.Canceled.Error()); n != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%q has the error of the context %d times", err, n)
	}
}

// blocked is a ContextBody that gives nothing.
type blocked struct{}

func (blocked) Size() int64 { return 100 }

func (b blocked) ReadAt(p []byte, off int64) (int, error) {
	return b.ReadAtContext(context.Background(), p, off)
}

func (blocked) ReadAtContext(ctx context.Context, _ []byte, _ int64) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// A transport may have errors of its own for a request that is cancelled.
func TestABodyOfAnotherTransportEndsWithTheErrorAndTheCauseToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject("bucket", "key", []byte(content(1000)))
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Slow(10)})
		cfg := srv.Config()
		cfg.HTTPClient = &http.Client{Transport: ownErrors{cfg.HTTPClient.Transport}}
		wantBoth(t, func(ctx context.Context) error {
			obj, err := newClient(t, cfg).GetObject(ctx, "bucket", "key", nil)
			if err != nil {
				return err
			}
			defer obj.Body.Close()
			_, err = io.Copy(io.Discard, obj.Body)
			if err != nil && !strings.Contains(err.Error(), "torn") {
				t.Errorf("%v does not tell the error of the transport", err)
			}
			return err
		})
	})
}

// ownErrors is a transport whose bodies fail with another error.
type ownErrors struct{ http.RoundTripper }

func (o ownErrors) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = ownErrorBody{resp.Body}
	}
	return resp, err
}

type ownErrorBody struct{ io.ReadCloser }

func (b ownErrorBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = errors.New("torn")
	}
	return n, err
}
