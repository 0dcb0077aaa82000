package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// ranges returns the ranges that GetObject has asked for.
func ranges(srv *osstest.Server) []string {
	var all []string
	for _, r := range srv.Requests("GetObject") {
		all = append(all, r.Header.Get("Range"))
	}
	return all
}

func TestABodyResumesWhereItsConnectionBroke(t *testing.T) {
	data := content(300_000)
	for _, tt := range []struct {
		name   string
		opts   *oss.GetOptions
		fault  osstest.Fault
		want   string
		ranges []string
	}{
		{"whole object", nil, osstest.Fault{Times: 1, Effect: osstest.Truncate(100_000)}, data,
			[]string{"", "bytes=100000-299999"}},
		{"at the first byte", nil, osstest.Fault{Times: 1, Effect: osstest.Truncate(0)}, data,
			[]string{"", "bytes=0-299999"}},
		{"at the last byte", nil, osstest.Fault{Times: 1, Effect: osstest.Truncate(299_999)}, data,
			[]string{"", "bytes=299999-299999"}},
		{"behind the last byte", nil, osstest.Fault{Times: 1, Effect: osstest.Truncate(300_000)}, data, []string{""}},
		{"three times", nil, osstest.Fault{Times: 3, Effect: osstest.Truncate(1000)}, data,
			[]string{"", "bytes=1000-299999", "bytes=2000-299999", "bytes=3000-299999"}},
		{"more often than Retry allows, with progress", nil, osstest.Fault{Effect: osstest.Truncate(64 << 10)}, data,
			[]string{"", "bytes=65536-299999", "bytes=131072-299999", "bytes=196608-299999", "bytes=262144-299999"}},
		{"range", &oss.GetOptions{Offset: 10, Length: 50}, osstest.Fault{Times: 1, Effect: osstest.Truncate(20)},
			data[10:60],
			[]string{"bytes=10-59", "bytes=30-59"}},
		{"to the end", &oss.GetOptions{Offset: 10}, osstest.Fault{Times: 1, Effect: osstest.Truncate(20)}, data[10:],
			[]string{"bytes=10-", "bytes=30-299999"}},
		{"suffix", &oss.GetOptions{Suffix: 50}, osstest.Fault{Times: 1, Effect: osstest.Truncate(20)}, data[299_950:],
			[]string{"bytes=-50", "bytes=299970-299999"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			srv.PutObject("bucket", "key", []byte(data))
			tt.fault.Op = "GetObject"
			srv.Inject(tt.fault)
			obj, err := srv.Client().GetObject(t.Context(), "bucket", "key", tt.opts)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			defer obj.Body.Close()
			got, err := io.ReadAll(obj.Body)
			if string(got) != tt.want || err != nil {
				t.Errorf("%s: read %d bytes, %v, want %d", tt.name, len(got), err, len(tt.want))
			}
			if diff := cmp.Diff(tt.ranges, ranges(srv)); diff != "" {
				t.Errorf("%s: ranges (-want +got):\n%s", tt.name, diff)
			}
			for _, r := range srv.Requests("GetObject")[1:] {
				if r.Header.Get("If-Match") != obj.ETag {
					t.Errorf("%s: If-Match is %q, want %q", tt.name, r.Header.Get("If-Match"), obj.ETag)
				}
			}
		})
	}
}

func TestOnlyWholeObjectsAreVerified(t *testing.T) {
	srv := newServer(t, nil)
	srv.PutObject("bucket", "key", []byte("0123456789"))
	srv.PutObject("bucket", "empty", nil)
	for _, tt := range []struct {
		key, want string
		opts      *oss.GetOptions
		offset    int64
		verified  bool
	}{
		{"key", "0123456789", nil, 0, true},
		{"key", "0123456789", &oss.GetOptions{Length: 10}, 0, true},
		{"key", "0123456789", &oss.GetOptions{Length: 99}, 0, true},
		{"key", "0123456789", &oss.GetOptions{Suffix: 99}, 0, true},
		{"key", "89", &oss.GetOptions{Suffix: 2}, 8, false},
		{"key", "012", &oss.GetOptions{Length: 3}, 0, false},
		{"key", "789", &oss.GetOptions{Offset: 7}, 7, false},
		{"empty", "", nil, 0, true},
		{"empty", "", &oss.GetOptions{Suffix: 1}, 0, true},
	} {
		obj, err := srv.Client().GetObject(t.Context(), "bucket", tt.key, tt.opts)
		if err != nil {
			t.Errorf("%s %+v: %v", tt.key, tt.opts, err)
			continue
		}
		got, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		if string(got) != tt.want || err != nil || obj.Verified != tt.verified || obj.Offset != tt.offset {
			t.Errorf("%s %+v: read %q, %v, verified %t, at %d; want %q, verified %t, at %d",
				tt.key, tt.opts, got, err, obj.Verified, obj.Offset, tt.want, tt.verified, tt.offset)
		}
	}
}

func TestDamageIsFoundInABodyThatWasResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject("bucket", "key", []byte(content(300_000)))
		srv.Inject(osstest.Fault{Op: "GetObject", Times: 1, Effect: osstest.Truncate(100_000)})
		srv.Inject(osstest.Fault{Op: "GetObject", Times: 1, Effect: osstest.Corrupt()}) // the second request
		obj, err := srv.Client().GetObject(t.Context(), "bucket", "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		var damaged *oss.ChecksumError
		if n, err := io.Copy(io.Discard, obj.Body); !errors.As(err, &damaged) || n != 300_000 ||
			damaged.Local == damaged.Remote || fmt.Sprint(damaged.Remote) != crc(content(300_000)) {
			t.Errorf("read %d bytes, %v, want a ChecksumError", n, err)
		}
		if _, err := obj.Body.Read(make([]byte, 1)); !errors.As(err, &damaged) {
			t.Errorf("a further Read: %v, want the ChecksumError", err)
		}
	})
}

// cut answers with a body that breaks off after n bytes.
func cut(body string, n int, header ...string) answer {
	return func(r *http.Request, sent string) (*http.Response, error) {
		resp, err := says(200, body, header...)(r, sent)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body[:n]), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, err
	}
}

func TestABodyThatMakesNoProgressFails(t *testing.T) {
	for _, tt := range []struct {
		name     string
		retry    oss.Retry
		requests int
		want     string
	}{
		{"default", oss.Retry{}, 4, "reading failed 4 times at byte "},
		{"never retry", oss.Retry{Attempts: 1}, 1, "unexpected EOF"},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			srv.PutObject("bucket", "key", []byte(content(300_000)))
			srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Truncate(10)})
			cfg := srv.Config()
			cfg.Retry = tt.retry
			obj, err := newClient(t, cfg).GetObject(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			n, err := io.Copy(io.Discard, obj.Body)
			if n != int64(10*tt.requests) || !errors.Is(err, io.ErrUnexpectedEOF) ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: read %d bytes, %v, want %q", tt.name, n, err, tt.want)
			}
			if got := len(srv.Requests("GetObject")); got != tt.requests {
				t.Errorf("%s: %d requests, want %d", tt.name, got, tt.requests)
			}
		})
	}
}

// The retries of all bodies come from the budget of the Client: 100, which those that succeed give back.
func TestResumingTakesFromTheRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject("bucket", "key", []byte(content(100)))
		c := srv.Client()
		read := func() error {
			obj, err := c.GetObject(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			_, err = io.Copy(io.Discard, obj.Body)
			return err
		}
		for range 200 {
			once := srv.Inject(osstest.Fault{Op: "GetObject", Times: 1, Effect: osstest.Truncate(10)})
			if err := read(); err != nil {
				t.Fatal(err)
			}
			once.Remove()
		}
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Truncate(0)})
		for range 40 {
			read()
		}
		before := len(srv.Requests())
		if err := read(); err == nil || !strings.Contains(err.Error(), "too many operations of this Client fail") {
			t.Errorf("with an empty budget: %v", err)
		}
		if n := len(srv.Requests()) - before; n > 2 {
			t.Errorf("%d requests with an empty budget", n)
		}
	})
}

func TestAStalledBodyIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newRawServer(t, func(e *serverConn) {
			if e.request(); e.number == 1 {
				e.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: \"A\"\r\n\r\n1234")
				return
			}
			e.say("HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\nETag: \"A\"\r\n" +
				"Content-Range: bytes 4-7/8\r\n\r\n5678")
		})
		obj, err := server.client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		began := time.Now()
		got, err := io.ReadAll(obj.Body)
		if d := time.Since(began); string(got) != "12345678" || err != nil || d < 30*time.Second || d > 31*time.Second {
			t.Errorf("read %q, %v after %v", got, err, d)
		}
	})
}

func TestTheGateOfAContextDecidesWhetherABodyIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.PutObject("bucket", "key", []byte(content(100)))
		c := srv.Client()
		srv.Inject(osstest.Fault{Op: "GetObject", Times: 9, Effect: osstest.Truncate(1)})
		for _, tt := range []struct {
			gate *gate
			want []string
			err  error
		}{
			{&gate{}, []string{"1 outage", "2 outage", "3 outage", "4 outage", "5 outage", "6 outage"}, nil},
			{&gate{after: errors.New("enough")}, []string{"1 outage", "2 outage"}, io.ErrUnexpectedEOF},
		} {
			obj, err := c.GetObject(flow.WithGate(t.Context(), tt.gate), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.err == nil { // two of the nine faults are for the second case
				_, err = io.ReadFull(obj.Body, make([]byte, 7))
			} else {
				_, err = io.Copy(io.Discard, obj.Body)
			}
			obj.Body.Close()
			if !errors.Is(err, tt.err) || tt.err != nil && !errors.Is(err, tt.gate.after) {
				t.Errorf("read: %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, tt.gate.kinds()); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
		}
	})
}

func TestClosingABodyEndsTheWaitThatResumesIt(t *testing.T) {
	for _, how := range []string{"Close", "cancel"} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			srv.PutObject("bucket", "key", []byte(content(100)))
			srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Truncate(10)})
			cfg := srv.Config()
			cfg.Retry = oss.Retry{MinWait: time.Hour, MaxWait: time.Hour}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			obj, err := newClient(t, cfg).GetObject(ctx, "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() {
				_, err := io.Copy(io.Discard, obj.Body)
				done <- err
			}()
			synctest.Wait()
			began := time.Now()
			if how == "cancel" {
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("Read: %v, want context.Canceled", err)
				}
			}
			if err := obj.Body.Close(); how == "Close" && err != nil {
				t.Errorf("Close: %v", err)
			}
			if how == "Close" {
				if err := <-done; err == nil || !strings.Contains(err.Error(), "closed Body") {
					t.Errorf("Read: %v, want that the Body is closed", err)
				}
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// TestShortReplyToARangeIsResumed: a reply with fewer bytes than its Content-Range, in a well-formed body, is
// truncated. The Content-Length matches the body, as a proxy may set it, or is not known.
func TestShortReplyToARangeIsResumed(t *testing.T) {
	for _, length := range []int64{3, -1} {
		synctest.Test(t, func(t *testing.T) {
			short := func(r *http.Request, body string) (*http.Response, error) {
				resp, err := says(206, "234", "Content-Range", "bytes 2-7/10")(r, body)
				resp.ContentLength = length
				return resp, err
			}
			s := play(short, says(206, "567", "Content-Range", "bytes 5-7/10"))
			obj, err := s.client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key",
				&oss.GetOptions{Offset: 2, Length: 6})
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			got, err := io.ReadAll(obj.Body)
			if string(got) != "234567" || err != nil {
				t.Errorf("Content-Length %d: read %q, %v, want \"234567\"", length, got, err)
			}
			if sent := s.messages(); len(sent) != 2 || sent[1].Header.Get("Range") != "bytes=5-7" {
				t.Errorf("requests %+v", sent)
			}
		})
	}
}
