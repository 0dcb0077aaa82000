package oss_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestSlowBodyIsNoStalledConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := content(100_000)
		line := newRawServer(t, func(e *serverConn) { e.say(ok(e.request())) })
		body := bodyFunc{int64(len(text)), func(p []byte, off int64) (int, error) {
			time.Sleep(time.Hour)
			return strings.NewReader(text).ReadAt(p, off)
		}}
		if _, err := line.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, body, nil); err != nil ||
			line.dials() != 1 {
			t.Errorf("UploadPart: %v over %d connections", err, line.dials())
		}
	})
}

func TestStalledAttemptIsGivenUpAndMadeAgain(t *testing.T) {
	body := content(1 << 20)
	for _, tt := range []struct {
		name  string
		first func(e *serverConn)
		from  time.Duration // until the second attempt, without its backoff
		to    time.Duration
	}{
		{"no byte is taken", func(*serverConn) {}, 30 * time.Second, 30 * time.Second},
		{"the body stops moving", func(e *serverConn) { e.receive(500_000) }, 30 * time.Second, 30 * time.Second},
		{"no reply comes", func(e *serverConn) { e.request() }, 30 * time.Second, 60 * time.Second},
		{"half a status line comes", func(e *serverConn) { e.request(); e.say("HTTP/1.1 20") }, 30 * time.Second,
			60 * time.Second},
		{"half a refusal comes", func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n<Error>")
		}, 30 * time.Second, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var second time.Time
				line := newRawServer(t, func(e *serverConn) {
					if e.number == 1 {
						tt.first(e)
						return
					}
					second = time.Now()
					e.say(ok(e.request()))
				})
				began := time.Now()
				c := line.client(t, oss.Config{Retry: oss.Retry{MinWait: 1, MaxWait: 1}})
				_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
				if d := second.Sub(began); err != nil || d < tt.from || d > tt.to+time.Microsecond {
					t.Errorf("UploadPart: %v with a second attempt after %v, want %v to %v", err, d, tt.from, tt.to)
				}
			})
		})
	}
}

func TestStalledAttemptsAreAnErrorThatSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) { e.request() })
		c := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 2, Stall: 7 * time.Second}})
		_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		if err == nil || !strings.Contains(err.Error(), "no byte has moved for 7s") ||
			!strings.Contains(err.Error(), "after 2 attempts") {
			t.Errorf("HeadObject: %v", err)
		}
		if errors.Is(err, context.Canceled) {
			t.Errorf("%v counts as cancelled by the caller", err)
		}
	})
}

func TestSlowConnectionIsNeverAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := content(512 << 10)
		line := newRawServer(t, func(e *serverConn) {
			r, _ := http.ReadRequest(bufio.NewReaderSize(e, 16))
			for range len(body) / (32 << 10) { // what net/http writes at once, every 29 s
				time.Sleep(29 * time.Second)
				io.CopyN(io.Discard, r.Body, 32<<10)
			}
			time.Sleep(29 * time.Second)
			for _, c := range ok(body) {
				time.Sleep(100 * time.Millisecond)
				e.say(string(c))
			}
		})
		began := time.Now()
		part, err := line.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, strings.NewReader(body), nil)
		if err != nil || part.ETag != etag(body) || line.dials() != 1 || time.Since(began) < 7*time.Minute {
			t.Errorf("UploadPart = %+v, %v over %d connections in %v", part, err, line.dials(), time.Since(began))
		}
	})
}

func TestCatalogueC3SlowOperationsAreWaitedFor(t *testing.T) {
	const done = "<CompleteMultipartUploadResult><ETag>\"A-1\"</ETag></CompleteMultipartUploadResult>"
	const copied = "<CopyPartResult><ETag>\"A\"</ETag></CopyPartResult>"
	for _, tt := range []struct {
		name, reply string
		call        func(ctx context.Context, c *oss.Client) error
	}{
		{"CompleteMultipartUpload", done, func(ctx context.Context, c *oss.Client) error {
			_, err := c.CompleteMultipartUpload(ctx, upload, []oss.Part{{Number: 1, ETag: "A"}}, nil)
			return err
		}},
		{"UploadPartCopy", copied, func(ctx context.Context, c *oss.Client) error {
			_, err := c.UploadPartCopy(ctx, upload, 1, oss.CopySource{Bucket: "bucket", Key: "key"}, nil)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := newRawServer(t, func(e *serverConn) {
					e.request()
					time.Sleep(4 * time.Minute)
					e.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(tt.reply), tt.reply))
				})
				if err := tt.call(t.Context(), line.client(t, oss.Config{})); err != nil || line.dials() != 1 {
					t.Errorf("%v over %d connections, want success over 1", err, line.dials())
				}
			})
		})
	}
}

func TestReadingAnObjectThatStallsFailsWithoutRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: \"A\"\r\n\r\n1234")
		})
		obj, err := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}).GetObject(t.Context(), "bucket", "key",
			nil)
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		for range 2 {
			time.Sleep(time.Hour) // the caller's own time does not count
			if _, err := io.ReadFull(obj.Body, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		began := time.Now()
		b, err := io.ReadAll(obj.Body)
		if d := time.Since(began); string(b) != "34" || err == nil ||
			!strings.Contains(err.Error(), "no byte has moved for 30s") || d != 30*time.Second {
			t.Errorf("read %q, %v after %v", b, err, d)
		}
	})
}

// After a reply with status 101 net/http gives the connection to the caller, as the body of the response.
func TestSwitchOfProtocolsIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			e.request()
			e.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		})
		_, err := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 2}}).ListParts(t.Context(), upload, nil)
		if err == nil || !strings.Contains(err.Error(), "status 101: reply is not from OSS") || line.dials() != 2 {
			t.Errorf("ListParts: %v, over %d connections", err, line.dials())
		}
	})
}

func TestStallThatNeverEndsIsNoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			time.Sleep(time.Hour)
			body := e.request()
			time.Sleep(time.Hour)
			e.say(ok(body))
		})
		c := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 1, Stall: math.MaxInt64}})
		if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitingForTheConnectionOfAnotherIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := content(128 << 10)
		line := newRawServer(t, func(e *serverConn) {
			for r := bufio.NewReaderSize(e, 16); ; {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				for range 4 {
					time.Sleep(20 * time.Second)
					io.CopyN(io.Discard, req.Body, 32<<10)
				}
				io.Copy(io.Discard, req.Body)
				e.say(ok(body))
			}
		})
		line.transport.MaxConnsPerHost = 1
		c := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
		var parts sync.WaitGroup
		for number := range 3 {
			parts.Go(func() {
				if _, err := c.UploadPart(t.Context(), upload, number+1, strings.NewReader(body), nil); err != nil {
					t.Error(err)
				}
			})
		}
		parts.Wait()
		if line.dials() != 1 {
			t.Errorf("%d connections, want 1", line.dials())
		}
	})
}

// The clock that waiting for a connection has stopped goes on where it was.
func TestAttemptThatHasWaitedForAConnectionIsWatched(t *testing.T) {
	const copied = "<CopyPartResult><ETag>A</ETag></CopyPartResult>"
	synctest.Test(t, func(t *testing.T) {
		line := newRawServer(t, func(e *serverConn) {
			e.request()
			time.Sleep(4 * time.Minute) // what only slow operations are given
			e.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(copied), copied))
		})
		line.transport.MaxConnsPerHost = 1
		c := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}})
		began := time.Now()
		_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
		if d := time.Since(began); err == nil || !strings.Contains(err.Error(), "no byte has moved") ||
			d != 30*time.Second {
			t.Errorf("HeadObject: %v after %v", err, d)
		}
		if _, err := c.UploadPartCopy(t.Context(), upload, 1, oss.CopySource{Bucket: "bucket", Key: "key"},
			nil); err != nil {
			t.Error(err)
		}
	})
}
