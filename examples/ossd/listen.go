package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// listen opens the port. For 127.0.0.1 it also listens on ::1, if there is IPv6, because a name such as
// bucket.localhost may resolve to that first.
func (s *settings) listen() ([]net.Listener, error) {
	first, err := net.ListenTCP("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	all := []net.Listener{first}
	if s.addr.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		other := net.TCPAddr{IP: net.IPv6loopback, Port: first.Addr().(*net.TCPAddr).Port}
		if second, err := net.ListenTCP("tcp6", &other); err == nil {
			all = append(all, second)
		}
	}
	if s.certificate == nil {
		return all, nil
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{*s.certificate},
		NextProtos:   []string{"http/1.1"},
	} // like OSS, which has no HTTP/2
	for i, ln := range all {
		all[i] = tls.NewListener(ln, config)
	}
	return all, nil
}

// certificateLife is the validity of a certificate that ossd makes.
const certificateLife = 30 * 24 * time.Hour

// makeCertificate makes a self-signed certificate for localhost and the loopback addresses, and returns it as PEM too.
// Clients must be configured to trust it.
func makeCertificate(now time.Time) (*tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, "", err
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "ossd"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		DNSNames: []string{"localhost", "*.localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(text), nil
}
