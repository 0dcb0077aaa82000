package faults

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// A Gateway is a transport that passes every request on, and can answer in place of the server when that has answered:
// the request is executed, and the client gets the page of a proxy.
type Gateway struct {
	Next   http.RoundTripper
	Status func(*http.Request) int // of the page; 0 passes the reply on
}

// RoundTrip makes a Gateway an http.RoundTripper.
func (g *Gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.Next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	status := g.Status(r)
	if status == 0 {
		return resp, nil
	}
	resp.Body.Close()
	const page = "<html>gateway</html>"
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/html"}},
		Body:   io.NopCloser(strings.NewReader(page)), ContentLength: int64(len(page)),
	}, nil
}

// Losses draws the replies that a Gateway loses, one of eight, until End. It is safe for concurrent use.
type Losses struct {
	mu    sync.Mutex
	rnd   *rand.Rand // nil after End
	count int
}

// NewLosses returns Losses that follow from rnd, which the caller no longer uses.
func NewLosses(rnd *rand.Rand) *Losses { return &Losses{rnd: rnd} }

// Status is a Gateway.Status.
func (l *Losses) Status(*http.Request) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rnd == nil || l.rnd.IntN(8) != 0 {
		return 0
	}
	l.count++
	return []int{200, 404, 502, 503, 504}[l.rnd.IntN(5)]
}

// End returns how many replies were lost. No more are lost after it.
func (l *Losses) End() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rnd = nil
	return l.count
}
