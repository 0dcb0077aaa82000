package oss_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
)

// listen answers every request on a loopback port with reply, and allocates nothing for it, so that what a benchmark
// counts is the client's. It returns an endpoint.
func listen(t testing.TB, reply string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				respond(c, []byte(reply))
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return "http://" + l.Addr().String()
}

// respond reads requests with a Content-Length, until the client hangs up.
func respond(c net.Conn, reply []byte) {
	buf := make([]byte, 256<<10)
	field, end := []byte("\r\nContent-Length: "), []byte("\r\n\r\n")
	for have := 0; ; {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		head, body, whole := bytes.Cut(buf[:have], end)
		if !whole {
			continue
		}
		length := 0
		if _, text, ok := bytes.Cut(head, field); ok {
			for _, digit := range text {
				if digit < '0' || digit > '9' {
					break
				}
				length = 10*length + int(digit-'0')
			}
		}
		for length -= len(body); length > 0; length -= n {
			if n, err = c.Read(buf); err != nil {
				return
			}
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
		have = 0
	}
}

// partSender returns a function that sends a part of size bytes, whose MD5 is known, over a loopback connection.
func partSender(t testing.TB, size int, cfg oss.Config) func() {
	text := content(size)
	sum := md5.Sum([]byte(text))
	transport, err := oss.NewTransport(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Endpoint, cfg.Addressing, cfg.Credentials = listen(t, ok(text)), oss.PathStyle, keys
	cfg.HTTPClient = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections) // before the listener waits for its connections
	c, body, opts := newClient(t, cfg), strings.NewReader(text), &oss.PartOptions{MD5: sum[:]}
	return func() {
		if _, err := c.UploadPart(t.Context(), upload, 1, body, opts); err != nil {
			t.Fatal(err)
		}
	}
}

// With Go 1.26 there are 78, of which net/http makes 40 for a request and its reply, http.Client, which
// go-retryablehttp is built on, 3, and the trace of the connection 4; a Client with its own transport needs 2 of those.
// With Go 1.25 there are 5 more. V1 makes one more.
func TestUploadPartAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too, and makes sync.Pool forget")
	}
	if testing.Short() {
		t.Skip("sends half a gigabyte to count allocations")
	}
	for _, tt := range []struct {
		name string
		cfg  oss.Config
	}{{"V4", oss.Config{Region: "cn-hangzhou"}}, {"V1", oss.Config{}}} {
		t.Run(tt.name, func(t *testing.T) {
			const most = 86
			small := testing.AllocsPerRun(100, partSender(t, 1<<20, tt.cfg))
			large := testing.AllocsPerRun(10, partSender(t, 16<<20, tt.cfg))
			if small > most || large > most {
				t.Errorf("%v allocations for 1 MiB and %v for 16 MiB, want at most %d", small, large, most)
			}
			if large > small+3 { // a timer more or less
				t.Errorf("%v allocations for 1 MiB and %v for 16 MiB: they grow with the part", small, large)
			}
		})
	}
}

func BenchmarkUploadPartOverLoopback(b *testing.B) {
	for _, signature := range []struct {
		name string
		oss.Config
	}{{"V4", oss.Config{Region: "cn-hangzhou"}}, {"V1", oss.Config{}}} {
		for _, size := range []int{256 << 10, 8 << 20} {
			b.Run(fmt.Sprintf("signature=%s/size=%d", signature.name, size), func(b *testing.B) {
				send := partSender(b, size, signature.Config)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					send()
				}
			})
		}
	}
}
