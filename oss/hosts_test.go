package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestConnectionsAreSpreadOverTheAddressesOfAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1")
		n.parts(t, c, 24, 12, time.Second)
		if got, want := n.taken(), map[string]int{"10.0.0.1": 4, "10.0.0.2": 4, "10.0.0.3": 4}; !maps.Equal(got, want) {
			t.Errorf("connections to each address: %v, want %v", got, want)
		}
	})
}

// Of two addresses one is dead. The parts that began there are late by the time after which the other is tried, once.
func TestUploadIsHardlySlowerIfOneAddressIsDead(t *testing.T) {
	for name, dead := range map[string]func(context.Context, net.Conn) (net.Conn, error){
		"silent": silent, "refusing": refusing,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
				good := n.parts(t, c, 64, 8, time.Second)
				n, c = newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
				n.behave["10.0.0.1"] = dead
				took, dials := n.parts(t, c, 64, 8, time.Second), n.taken()
				if took > good+good/10 || dials["10.0.0.1"] > 4 || dials["10.0.0.2"] > 8 {
					t.Errorf("%v, without the dead address %v; dials %v, want at most half of 8 to it", took, good,
						dials)
				}
			})
		})
	}
}

func TestAddressThatFailedIsAvoidedForAMinute(t *testing.T) {
	for _, tt := range []struct {
		name string
		dead func(context.Context, net.Conn) (net.Conn, error)
		late time.Duration
	}{
		{"silent", silent, 250 * time.Millisecond},
		{"refusing", refusing, 0},
		{"slow", after(260 * time.Millisecond), 250 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
				n.behave["10.0.0.1"] = tt.dead
				connect := func() (map[string]int, time.Duration) {
					t.Helper()
					began := time.Now()
					if _, err := c.Exists(t.Context(), "bucket", "key", nil); err != nil {
						t.Error(err)
					}
					took := time.Since(began)
					c.CloseIdleConnections()
					return n.taken(), took
				}
				both, one := map[string]int{"10.0.0.1": 1, "10.0.0.2": 1}, map[string]int{"10.0.0.2": 1}
				for i, want := range []map[string]int{both, one, one, one} {
					got, took := connect()
					if !maps.Equal(got, want) || i == 0 && took != tt.late || i > 0 && took != 0 {
						t.Errorf("request %d: dials %v in %v, want %v", i, got, took, want)
					}
				}
				time.Sleep(59 * time.Second)
				if got, _ := connect(); !maps.Equal(got, one) {
					t.Errorf("after 59 seconds: dials %v, want %v", got, one)
				}
				time.Sleep(time.Second)
				n.behave["10.0.0.1"] = nil
				if got, _ := connect(); !maps.Equal(got, map[string]int{"10.0.0.1": 1}) {
					t.Errorf("after a minute: dials %v, want the other address", got)
				}
			})
		})
	}
}

// A distance is no failure: what answers within 250 ms of the others is used like them.
func TestDistantAddressesAreNotAvoided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
		n.behave["10.0.0.1"], n.behave["10.0.0.2"] = after(400*time.Millisecond), after(400*time.Millisecond)
		for i, want := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80"} {
			began, got := time.Now(), ""
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(info httptrace.GotConnInfo) { got = info.Conn.RemoteAddr().String() },
			})
			if _, err := c.Exists(ctx, "bucket", "key", nil); err != nil || time.Since(began) != 400*time.Millisecond {
				t.Errorf("request %d: %v after %v", i, err, time.Since(began))
			}
			if got != want {
				t.Errorf("request %d went to %s, want %s", i, got, want)
			}
			c.CloseIdleConnections()
		}
	})
}

// A connection that stalls, breaks or fails its handshake makes the next one prefer another address.
func TestAddressOfAFailedConnectionIsAvoided(t *testing.T) {
	for _, tt := range []struct {
		name, scheme string
		fail         func(ctx context.Context, c net.Conn) (net.Conn, error)
	}{
		{"stall", "http", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &mute{Conn: c, closed: make(chan struct{})}, nil
		}},
		{"broken before the reply", "http", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &cutAfter{c, 0, syscall.ECONNRESET}, nil
		}},
		{"closed before the reply", "http", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &cutAfter{c, 0, io.EOF}, nil
		}},
		{"broken in the reply", "http", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &cutAfter{c, 20_000, syscall.ECONNRESET}, nil
		}},
		{"stalled handshake", "https", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &mute{Conn: c, closed: make(chan struct{})}, nil
		}},
		{"failed handshake", "https", func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &cutAfter{c, 0, io.EOF}, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := tlsConfigs(t)
				n, _ := newAddressed(t, oss.TransportOptions{TLS: client}, "10.0.0.1", "10.0.0.2", "10.0.0.3")
				n.srv.PutObject("bucket", "key", []byte(content(1<<20)))
				c := n.client(t, tt.scheme)
				n.behave["10.0.0.1"] = tt.fail
				if tt.scheme == "https" {
					n.behave["10.0.0.2"] = func(_ context.Context, c net.Conn) (net.Conn, error) {
						return behindTLS(t, c, server), nil
					}
					n.behave["10.0.0.3"] = n.behave["10.0.0.2"]
				}
				for i := range 8 {
					object, err := c.GetObject(t.Context(), "bucket", "key", nil)
					if err != nil {
						t.Fatal(err)
					}
					if data, err := io.ReadAll(object.Body); err != nil || string(data) != content(1<<20) {
						t.Errorf("request %d: %d bytes, %v", i, len(data), err)
					}
					object.Body.Close()
					c.CloseIdleConnections()
				}
				if got := n.taken(); got["10.0.0.1"] != 1 || got["10.0.0.2"] != 4 || got["10.0.0.3"] != 4 {
					t.Errorf("dials %v, want 1 to the first address", got)
				}
			})
		})
	}
}

// A caller that gives up says nothing about an address.
func TestCancelledCallAvoidsNoAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
		n.behave["10.0.0.1"] = func(_ context.Context, c net.Conn) (net.Conn, error) {
			return &mute{Conn: c, closed: make(chan struct{})}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Exists(ctx, "bucket", "key", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Exists: %v", err)
		}
		n.behave["10.0.0.1"] = nil
		n.parts(t, c, 4, 4, time.Second)
		if got, want := n.taken(), map[string]int{"10.0.0.1": 2, "10.0.0.2": 2}; !maps.Equal(got, want) {
			t.Errorf("connections to each address: %v, want %v", got, want)
		}
	})
}

func TestFamiliesOfAddresses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   oss.TransportOptions
		found  []string
		silent []string
		want   map[string]int // dials of four connections made one after the other
		took   time.Duration  // of all four
		asked  string
	}{
		{name: "the one that comes first is used", found: []string{"2001:db8::1", "10.0.0.1", "2001:db8::2"},
			want: map[string]int{"2001:db8::1": 2, "2001:db8::2": 2}, asked: "ip"},
		{name: "the other follows", found: []string{"2001:db8::1", "2001:db8::2", "10.0.0.1"},
			silent: []string{"2001:db8::1", "2001:db8::2"}, took: 2 * 250 * time.Millisecond,
			want:  map[string]int{"2001:db8::1": 1, "2001:db8::2": 1, "10.0.0.1": 4},
			asked: "ip"},
		{name: "IPv4 only", opts: oss.TransportOptions{IPFamily: oss.IPv4}, found: []string{"2001:db8::1", "10.0.0.1"},
			want: map[string]int{"10.0.0.1": 4}, asked: "ip4"},
		{name: "IPv6 only", opts: oss.TransportOptions{IPFamily: oss.IPv6},
			found: []string{"10.0.0.1", "2001:db8::1", "::ffff:10.0.0.2"},
			want:  map[string]int{"2001:db8::1": 4}, asked: "ip6"},
		{name: "local address of IPv6", opts: oss.TransportOptions{LocalAddr: netip.MustParseAddr("2001:db8::9")},
			found: []string{"10.0.0.1", "2001:db8::1"}, want: map[string]int{"2001:db8::1": 4}, asked: "ip6"},
		{name: "IPv4 in IPv6", found: []string{"::ffff:10.0.0.1", "10.0.0.1"}, want: map[string]int{"10.0.0.1": 4},
			asked: "ip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, tt.opts, tt.found...)
				for _, ip := range tt.silent {
					n.behave[ip] = silent
				}
				began := time.Now()
				for range 4 {
					if _, err := c.Exists(t.Context(), "bucket", "key", nil); err != nil {
						t.Error(err)
					}
					c.CloseIdleConnections()
				}
				if got, took := n.taken(), time.Since(began); !maps.Equal(got, tt.want) || took != tt.took {
					t.Errorf("dials %v in %v, want %v in %v", got, took, tt.want, tt.took)
				}
				if n.asked[0] != tt.asked {
					t.Errorf("looked up %q, want %q", n.asked[0], tt.asked)
				}
			})
		})
	}
}

// If no address works, the error is that of the first, and the retries try all of them again.
func TestHostWithoutAWorkingAddress(t *testing.T) {
	for _, tt := range []struct {
		name  string
		opts  oss.TransportOptions
		found []string
		dead  func(context.Context, net.Conn) (net.Conn, error)
		want  string
		dials int // to each address, by four attempts
	}{
		{"refused", oss.TransportOptions{}, []string{"10.0.0.1", "10.0.0.2"}, refusing, "connection refused", 4},
		{"silent", oss.TransportOptions{ConnectTimeout: time.Second}, []string{"10.0.0.1", "10.0.0.2"}, silent,
			"no connection to example.com:80 within 1s", 4},
		{"none", oss.TransportOptions{}, nil, nil, "dial tcp: address example.com: no IP address", 0},
		{"none of IPv6", oss.TransportOptions{IPFamily: oss.IPv6}, []string{"10.0.0.1"}, nil,
			"dial tcp: address example.com: no IPv6 address", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, tt.opts, tt.found...)
				for _, ip := range tt.found {
					n.behave[ip] = tt.dead
				}
				_, err := c.Exists(t.Context(), "bucket", "key", nil)
				if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
					t.Errorf("Exists: %v, want %s", err, tt.want)
				}
				dials := n.taken()
				for _, ip := range tt.found {
					if dials[ip] != tt.dials {
						t.Errorf("dials %v, want %d to each", dials, tt.dials)
					}
				}
			})
		})
	}
}

// The addresses of the host change in the middle of an upload of an hour. All connections are to the new ones soon
// afterwards, and no request failed for that.
func TestLongUploadFollowsDNS(t *testing.T) {
	for _, tt := range []struct {
		maxAge, want time.Duration
	}{{0, 6*time.Minute + 15*time.Second}, {time.Minute, 75 * time.Second}} {
		t.Run(fmt.Sprint(tt.maxAge), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, oss.TransportOptions{MaxConnAge: tt.maxAge}, "10.0.0.1", "10.0.0.2")
				began := time.Now()
				var mu sync.Mutex
				open := make(map[net.Conn]string)
				var left time.Duration // when the last old connection was closed
				old := func(_ context.Context, c net.Conn) (net.Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					open[c] = c.RemoteAddr().String()
					return &closes{c, func() {
						mu.Lock()
						defer mu.Unlock()
						delete(open, c)
						left = time.Since(began)
					}}, nil
				}
				n.behave["10.0.0.1"], n.behave["10.0.0.2"] = old, old
				time.AfterFunc(30*time.Minute, func() { n.answer("10.0.0.3", "10.0.0.4") })
				n.parts(t, c, 720, 4, 20*time.Second)
				if left < 30*time.Minute || left > 30*time.Minute+tt.want+20*time.Second || len(open) != 0 {
					t.Errorf("the last old connection was closed after %v; %d are open", left, len(open))
				}
				for _, r := range n.srv.Requests("UploadPart") {
					if r.StatusCode != 200 {
						t.Errorf("part %d: status %d", r.PartNumber, r.StatusCode)
					}
				}
				if sent := len(n.srv.Requests("UploadPart")); sent != 720 {
					t.Errorf("%d requests for %d parts", sent, 720)
				}
			})
		})
	}
}

// Connections are replaced during an outage of the name servers as well.
func TestLongUploadSurvivesAnOutageOfDNS(t *testing.T) {
	for name, failed := range map[string]func(context.Context) error{
		"error":  func(context.Context) error { return &net.DNSError{Err: "server misbehaving", IsTemporary: true} },
		"silent": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newAddressed(t, oss.TransportOptions{}, "10.0.0.1", "10.0.0.2")
				time.AfterFunc(time.Minute, func() {
					n.mu.Lock()
					defer n.mu.Unlock()
					n.failed = failed
				})
				n.parts(t, c, 80, 2, 20*time.Second)
				if sent, dials := len(n.srv.Requests("UploadPart")), n.taken(); sent != 80 || dials["10.0.0.1"] < 2 {
					t.Errorf("%d requests for 80 parts; dials %v", sent, dials)
				}
			})
		})
	}
}
