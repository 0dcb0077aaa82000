package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// What the sink process says first: where it listens, and whom to trust.
type addresses struct {
	Plain, TLS, Slow string // URLs
	Certificate      []byte // PEM
}

// serve is the sink process: it lives until its standard input ends.
func serve(in io.Reader, out io.Writer) error {
	cert, text, err := selfSigned()
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: newSink(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
		Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true) // as OSS does
	var listeners [3]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	failed := make(chan error, len(listeners))
	go func() { failed <- srv.Serve(listeners[0]) }()
	go func() { failed <- srv.ServeTLS(listeners[1], "", "") }()
	go func() { failed <- srv.Serve(slowListener{listeners[2]}) }()
	if err := json.NewEncoder(out).Encode(addresses{
		Plain: "http://" + listeners[0].Addr().String(), TLS: "https://" + listeners[1].Addr().String(),
		Slow: "http://" + listeners[2].Addr().String(), Certificate: text,
	}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	srv.Close()
	for range listeners {
		if e := <-failed; e != http.ErrServerClosed {
			err = errors.Join(err, e)
		}
	}
	return err
}

// selfSigned makes a certificate for the loopback address that is valid for a day.
func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour),
		NotAfter:    now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// A server is the process that serve runs in.
type server struct {
	addresses
	cmd   *exec.Cmd
	stdin io.Closer
}

// startServer starts this program again, as the sink.
func startServer() (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self) // ends when its standard input does, also if this process is killed
	cmd.Env = append(os.Environ(), roleVariable+"=sink")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin}
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&s.addresses); err != nil {
		return nil, fmt.Errorf("the sink did not start: %w", errors.Join(err, s.stop()))
	}
	return s, nil
}

func (s *server) stop() error {
	s.stdin.Close()
	return s.cmd.Wait()
}

// url is that of the line a scenario wants.
func (s *server) url(sc scenario) string {
	switch {
	case sc.slow:
		return s.Slow
	case sc.tls:
		return s.TLS
	}
	return s.Plain
}

// ask sends a request of the bench itself; in and out may be nil.
func (s *server) ask(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Plain+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("the sink says %s: %s", resp.Status, text))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
