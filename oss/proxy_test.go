package oss_test

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
)

// A proxy is a real HTTP proxy on loopback that asks for a user and a password.
type proxy struct {
	*httptest.Server
	asked  chan string // method and host of each request that it accepted
	status int         // of refusals instead; 0 means none
}

const proxyAuth = "user:pass word"

func newProxy(t *testing.T) *proxy {
	p := &proxy{asked: make(chan string, 100)}
	var tunnels sync.WaitGroup
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(proxyAuth)) {
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		p.asked <- r.Method + " " + r.Host
		if p.status != 0 {
			w.WriteHeader(p.status)
			return
		}
		server, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer server.Close()
		if r.Method != http.MethodConnect {
			r.Header.Del("Proxy-Authorization")
			if err := r.Write(server); err == nil {
				resp, err := http.ReadResponse(bufio.NewReader(server), r)
				if err == nil {
					for name, values := range resp.Header {
						w.Header()[name] = values
					}
					w.WriteHeader(resp.StatusCode)
					io.Copy(w, resp.Body)
				}
			}
			return
		}
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		tunnels.Go(func() {
			io.Copy(server, client)
			server.(*net.TCPConn).CloseWrite()
		})
		io.Copy(client, server)
	}))
	t.Cleanup(func() { p.Close(); tunnels.Wait() })
	return p
}

// through returns a Proxy that sends a user and a password.
func (p *proxy) through(user *url.Userinfo) func(*http.Request) (*url.URL, error) {
	u, _ := url.Parse(p.URL)
	u.User = user
	return http.ProxyURL(u)
}

// A proxy that refuses a client is not asked four times; one that is overloaded is.
func TestRefusalOfAProxyIsFinal(t *testing.T) {
	for status, want := range map[int]int{403: 1, 502: 2} {
		gate := newProxy(t)
		gate.status = status
		transport, err := oss.NewTransport(
			&oss.TransportOptions{Proxy: gate.through(url.UserPassword("user", "pass word"))})
		if err != nil {
			t.Fatal(err)
		}
		defer transport.CloseIdleConnections()
		c := newClient(t, oss.Config{Endpoint: "https://oss.example.com", Credentials: keys,
			HTTPClient: &http.Client{Transport: transport}, Retry: oss.Retry{Attempts: 2, MinWait: 1, MaxWait: 1}})
		_, err = c.HeadObject(t.Context(), "bucket", "key", nil)
		text := fmt.Sprintf("refuses a connection to bucket.oss.example.com:443: status %d %s", status,
			http.StatusText(status))
		if err == nil || !strings.HasSuffix(err.Error(), text) || len(gate.asked) != want {
			t.Errorf("HeadObject: %v after %d requests, want %d: %s", err, len(gate.asked), want, text)
		}
	}
}

func TestErrorsOfProxiesShowNoPassword(t *testing.T) {
	for _, bad := range []string{"http://user:hunter2%zz@proxy.example.net:3128", "http://user:hun/ter@2@proxy:x",
		"user:hunter2 @proxy.example.net"} {
		transport, err := oss.NewTransport(&oss.TransportOptions{Proxy: func(*http.Request) (*url.URL, error) {
			_, err := url.Parse("http://" + bad)
			return nil, fmt.Errorf("invalid proxy address %q: %w", bad, cmp.Or(err, errors.New("no port")))
		}})
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, oss.Config{Endpoint: "http://oss.example.com", Credentials: keys,
			HTTPClient: &http.Client{Transport: transport}, Retry: oss.Retry{Attempts: 1}})
		_, err = c.HeadObject(t.Context(), "bucket", "key", nil)
		if err == nil || !strings.Contains(err.Error(), "invalid proxy address") ||
			strings.Contains(err.Error(), "hun") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
