package oss_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An installation of OSS with a certificate of its own authority.
func ExampleNewTransport() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	private := httptest.NewTLSServer(srv)
	defer private.Close()
	roots := x509.NewCertPool()
	roots.AddCert(private.Certificate()) // of a file: roots.AppendCertsFromPEM

	transport, err := oss.NewTransport(&oss.TransportOptions{
		TLS:      &tls.Config{RootCAs: roots},
		IPFamily: oss.IPv4,
	})
	if err != nil {
		log.Fatal(err)
	}
	cfg := srv.Config() // of a program: oss.Config{Credentials: ...}
	cfg.Endpoint = private.URL
	cfg.HTTPClient = &http.Client{Transport: transport}
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	res, err := client.PutObject(context.Background(), "bucket", "a.txt", strings.NewReader("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.ETag)
	client.CloseIdleConnections()
	// Output: "5D41402ABC4B2A76B9719D911017C592"
}

// A proxy that wants a user name and a password.
func ExampleNewTransport_proxy() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("proxy:", r.Method, r.URL, r.Header.Get("Proxy-Authorization"))
		srv.ServeHTTP(w, r)
	}))
	defer gateway.Close()

	proxy, err := url.Parse(gateway.URL) // for example "http://proxy.example.com:3128"
	if err != nil {
		log.Fatal(err)
	}
	proxy.User = url.UserPassword("user", "password")
	transport, err := oss.NewTransport(&oss.TransportOptions{Proxy: http.ProxyURL(proxy)})
	if err != nil {
		log.Fatal(err)
	}
	cfg := srv.Config()
	cfg.Endpoint = "http://oss-cn-hangzhou.aliyuncs.com"
	cfg.HTTPClient = &http.Client{Transport: transport}
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	found, err := client.Exists(context.Background(), "bucket", "a.txt", nil)
	fmt.Println(found, err)
	client.CloseIdleConnections()
	// Output:
	// proxy: HEAD http://bucket.oss-cn-hangzhou.aliyuncs.com/a.txt Basic dXNlcjpwYXNzd29yZA==
	// false <nil>
}

// Headers of every request: the requester pays for the traffic, and a gateway gets the name of the program.
func ExampleConfig_header() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	cfg := srv.Config()
	cfg.Header = http.Header{
		"x-oss-request-payer": {"requester"},
		"X-Trace-Program":     {"backup"},
	}
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if _, err := client.PutObject(ctx, "bucket", "a.txt", strings.NewReader("hello"), nil); err != nil {
		log.Fatal(err)
	}
	if err := client.DeleteObject(ctx, "bucket", "a.txt", nil); err != nil {
		log.Fatal(err)
	}
	for _, r := range srv.Requests() {
		fmt.Println(r.Op, r.Header.Get("x-oss-request-payer"), r.Header.Get("X-Trace-Program"))
	}
	// Output:
	// PutObject requester backup
	// DeleteObject requester backup
}
