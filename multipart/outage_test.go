package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// R3, row 134: an outage in the middle of an upload. Parts take half a second each, four at a time.
func anUploadGoesOnAfterAnOutage(t *testing.T) {
	const part, parts, rate = 64 << 10, 40, 128 << 10
	for name := range dialErrors {
		for _, down := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s for %v, stream %v", name, down, stream), func(t *testing.T) {
					inBubble(t, func(t *testing.T, srv *osstest.Server) {
						srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(rate)})
						cable, c := newCable(t, srv, nil)
						want := data(part * parts)
						var src io.Reader = bytes.NewReader(want)
						if stream {
							src = struct{ io.Reader }{src}
						}
						go func() {
							time.Sleep(2 * time.Second) // in the bubble
							cable.interrupt(name, down)
						}()
						began := time.Now()
						up := multipart.NewUploader(c, &multipart.Options{PartSize: part, Concurrency: 4})
						res, err := up.Upload(t.Context(), bucket, key, src, nil)
						wantObject(t, srv, want, res, err)
						const alone = parts / 4 * 500 * time.Millisecond
						longest := 5*time.Second + 500*time.Millisecond
						if name == "silent" {
							longest += 30 * time.Second // until the stall is noticed
						}
						if took := time.Since(began); took > alone+down+longest {
							t.Errorf("it took %v, want at most %v without the outage of %v", took, alone, down)
						}
						var sent int64
						for _, r := range srv.Requests("UploadPart") {
							sent += r.Size
						}
						if again := sent - int64(len(want)); again > 4*part {
							t.Errorf("%d bytes were sent again, more than were in flight", again)
						}
					})
				})
			}
		}
	}
}

func patienceThatEndsSaysHowLongItWaited(t *testing.T) {
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
			defer srv.Close()
			srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
			cable, c := newCable(t, srv, nil)
			began := time.Now()
			var interrupted sync.WaitGroup
			interrupted.Go(func() {
				time.Sleep(1500 * time.Millisecond) // in the bubble
				cable.interrupt("refused", time.Hour)
			})
			defer interrupted.Wait()
			up := multipart.NewUploader(c,
				&multipart.Options{PartSize: 100, Concurrency: 2, Patience: time.Minute, KeepParts: keep,
					CleanupTimeout: 10 * time.Second})
			_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
			took := time.Since(began) - 1500*time.Millisecond
			wantNothing(t, srv, err, syscall.ECONNRESET)
			most := time.Minute + time.Second
			if !keep {
				most += 10 * time.Second
			}
			if took < time.Minute || took > most {
				t.Errorf("keep %v: given up after %v, want a minute and the clean-up", keep, took)
			}
			if keep && !strings.Contains(err.Error(), ", which Resume continues") {
				t.Errorf("the error does not say how to continue: %v", err)
			}
			if !strings.Contains(err.Error(), "gave up after waiting 1m") {
				t.Errorf("keep %v: the error does not say how long it waited: %v", keep, err)
			}
		})
	}
}

// Row 136: the time of the clean-up is an option.
func theCleanUpOfACancelledUploadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		cable, c := newCable(t, srv, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var interrupted sync.WaitGroup
		interrupted.Go(func() {
			time.Sleep(1500 * time.Millisecond) // in the bubble
			time.AfterFunc(time.Second, cancel)
			cable.interrupt("refused", time.Hour)
		})
		defer interrupted.Wait()
		began := time.Now()
		up := multipart.NewUploader(c,
			&multipart.Options{PartSize: 100, Concurrency: 2, CleanupTimeout: 2 * time.Second})
		_, err := up.Upload(ctx, bucket, key, bytes.NewReader(data(1000)), nil)
		ue := wantNothing(t, srv, err, context.Canceled)
		if took := time.Since(began); took > 4600*time.Millisecond || ue.Aborted {
			t.Errorf("it took %v, aborted %v", took, ue.Aborted)
		}
	})
}

func progressAndLogTellOfAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		var log logBuffer
		cable, c := newCable(t, srv, func(cfg *oss.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		var mu sync.Mutex
		var waited []multipart.Progress
		began := time.Now()
		up := multipart.NewUploader(c,
			&multipart.Options{PartSize: 100, Concurrency: 2, Progress: func(p multipart.Progress) {
				mu.Lock()
				defer mu.Unlock()
				if n := len(waited); !p.WaitingSince.IsZero() || n > 0 && !waited[n-1].WaitingSince.IsZero() {
					waited = append(waited, p)
				}
			}})
		go func() {
			time.Sleep(1500 * time.Millisecond) // in the bubble
			cable.interrupt("refused", 12*time.Second)
		}()
		res, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(1000)), nil)
		wantObject(t, srv, data(1000), res, err)
		mu.Lock()
		defer mu.Unlock()
		if len(waited) < 12 {
			t.Fatalf("progress told of the wait %d times, want its begin, its end, and once a second", len(waited))
		}
		first, last := waited[0], waited[len(waited)-1]
		if since := first.WaitingSince.Sub(began); since < 1500*time.Millisecond || since > 2*time.Second ||
			!errors.Is(first.WaitingFor, syscall.ECONNRESET) {
			t.Errorf("waiting since %v for %v, want since 1.5 s for a reset connection", since, first.WaitingFor)
		}
		if !last.WaitingSince.IsZero() || last.WaitingFor != nil {
			t.Errorf("it was never told that the wait is over: %+v", last)
		}
		for _, line := range []string{"connection lost", "connection is back"} {
			if n := strings.Count(log.text.String(), line); n != 1 {
				t.Errorf("%q was logged %d times, want once", line, n)
			}
		}
	})
}

// A switchable listener stands before a server on a real port. While it is off, connections are reset and new ones
// refused.
type switchable struct {
	net.Listener
	addr  string
	mu    sync.Mutex
	conns []*net.TCPConn
}

func (s *switchable) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err == nil {
		s.mu.Lock()
		s.conns = append(s.conns, conn.(*net.TCPConn))
		s.mu.Unlock()
	}
	return conn, err
}

// resetAll resets all connections.
func (s *switchable) resetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.SetLinger(0)
		c.Close()
	}
	s.conns = nil
}

// The same over real sockets, in real time. The long tests cut the connection for 10 s and for a minute as well.
func TestUploadGoesOnAfterAnOutageOfRealSockets(t *testing.T) {
	t.Parallel()
	downs := []time.Duration{2 * time.Second}
	if testing.Short() {
		t.Skip("an outage takes its time, and -short was asked for")
	}
	if effort.Long() {
		downs = append(downs, 10*time.Second, time.Minute)
	}
	for _, down := range downs {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, stream %v", down, stream), func(t *testing.T) {
				t.Parallel()
				srv := osstest.NewServer(nil)
				defer srv.Close()
				const size, rate = 64 << 20, 16 << 20
				srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(rate)})
				listen := func(addr string) (*switchable, *http.Server) {
					l, err := net.Listen("tcp", addr)
					if err != nil {
						t.Error(err)
						return nil, nil
					}
					s := &switchable{Listener: l, addr: l.Addr().String()}
					h := &http.Server{Handler: srv}
					go h.Serve(s)
					return s, h
				}
				line, server := listen("127.0.0.1:0")
				cfg := srv.Config()
				cfg.Endpoint, cfg.HTTPClient, cfg.Addressing, cfg.Retry = "http://"+line.addr,
					nil, oss.PathStyle, oss.Retry{}
				var back *http.Server
				restored := make(chan struct{})
				cfg.Hooks.OnStart = onFirst("UploadPart", func() {
					go func() {
						defer close(restored)
						// until parts are on their way; nothing depends on how far they are
						time.Sleep(200 * time.Millisecond)
						line.Listener.Close()
						line.resetAll()
						time.Sleep(down)
						_, back = listen(line.addr)
					}()
				})
				c, err := oss.NewClient(cfg)
				if err != nil {
					t.Fatal(err)
				}
				want := data(size)
				var src io.Reader = bytes.NewReader(want)
				if stream {
					src = struct{ io.Reader }{src}
				}
				res, err := multipart.NewUploader(c, nil).Upload(t.Context(), bucket, key, src, nil)
				<-restored
				wantObject(t, srv, want, res, err)
				server.Close()
				back.Close()
				if left := srv.Uploads(); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

// A wrong endpoint fails at once: patience begins when OSS has answered the client.
func aWrongEndpointFailsAtOnce(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, endpoint := range map[string]string{"refused": gone.URL, "unknown host": "http://no-such-host.invalid"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := oss.NewClient(oss.Config{Endpoint: endpoint, Addressing: oss.PathStyle,
				Credentials: oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}})
			if err != nil {
				t.Fatal(err)
			}
			var log logBuffer
			for _, size := range []int{10, 30 << 20} {
				began := time.Now()
				_, err = multipart.NewUploader(c, nil).Upload(t.Context(), bucket, key,
					bytes.NewReader(data(size)), nil)
				if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "left behind") {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(began); took > 10*time.Second { // 1.5 s on an idle machine
					t.Errorf("it took %v", took)
				}
			}
			if log.text.Len() > 0 {
				t.Errorf("it logged %s", log.text.String())
			}
		})
	}
}
