package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	httpAttempts = 3 // tries of one request
	httpBackoff  = 200 * time.Millisecond
)

// A caller sends the requests of one source.
type caller struct {
	client  http.Client
	timeout time.Duration // of one attempt
	patient bool          // a connection that cannot be made is tried again
}

// newCaller uses the client of the options, or one that keeps no idle connections: fetches are minutes apart.
func newCaller(o Options) *caller {
	c := &caller{timeout: 10 * time.Second, patient: true}
	if o.HTTPClient != nil {
		c.client = *o.HTTPClient
	} else {
		c.client.Transport = newTransport(http.ProxyFromEnvironment, 5*time.Second)
	}
	c.client.CheckRedirect = refuseRedirect
	return c
}

// newMetadataCaller never uses a proxy, whose own role would be the answer. On a machine outside of Alibaba Cloud
// nothing listens at the address, so it is given a second and no second try.
func newMetadataCaller(o Options) *caller {
	c := &caller{timeout: 5 * time.Second}
	if o.HTTPClient != nil {
		c.client = *o.HTTPClient
	} else {
		c.client.Transport = newTransport(nil, time.Second)
	}
	if t, ok := c.client.Transport.(*http.Transport); ok && t.Proxy != nil {
		t = t.Clone()
		t.Proxy = nil
		c.client.Transport = t
	}
	c.client.CheckRedirect = refuseRedirect
	return c
}

func newTransport(proxy func(*http.Request) (*url.URL, error), dial time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: dial}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
	}
}

// refuseRedirect stops at a redirect: it would carry keys to another address.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// A reply is a complete answer.
type reply struct {
	status int
	date   time.Time // by the server's clock; zero if it does not say
	body   []byte
}

// do sends a request, made anew for each try, until an attempt gets an answer that is worth reading.
func (c *caller) do(ctx context.Context, make func() (*http.Request, error)) (reply, error) {
	for attempt := 1; ; attempt++ {
		req, err := make()
		if err != nil {
			return reply{}, err
		}
		r, err := c.once(ctx, req)
		again := err != nil && (c.patient || !isDial(err)) || err == nil && r.temporary()
		if !again || attempt == httpAttempts || ctx.Err() != nil {
			return r, err
		}
		wait := httpBackoff << (attempt - 1)
		select {
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		case <-ctx.Done():
			return r, err
		}
	}
}

// once sends req. The error has the address, but not the query, which has signatures and tokens.
func (c *caller) once(ctx context.Context, req *http.Request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	where := req.Method + " " + req.URL.Scheme + "://" + req.URL.Host + req.URL.Path
	resp, err := c.client.Do(req.WithContext(ctx))
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return reply{}, fmt.Errorf("%s: %w", where, err)
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body)
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", where, err)
	}
	r := reply{status: resp.StatusCode, body: body}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.date = date
	}
	return r, nil
}

// temporary reports whether the same request may succeed in a moment.
func (r reply) temporary() bool {
	return r.status == http.StatusTooManyRequests || r.status >= 500 || bytes.Contains(r.body, []byte(`"Throttling`))
}

// isDial reports whether no connection was made.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
