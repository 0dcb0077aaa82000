package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"sync"
	"testing"
)

// An encrypter is a client that encrypts what it writes, with a key that the service never sees. The two Go SDKs have
// one each, and share the format; ali-oss and package oss have none.
type encrypter interface {
	put(key string, data []byte) error
	putParts(key string, data ...[]byte) (id string, err error) // all but the last of partSize bytes
	get(key string) ([]byte, error)
	getRange(key string, from, to int64) ([]byte, error) // to is the last byte
	refusal(err error) (refusal, bool)
}

// A keyPair is in PEM.
type keyPair struct{ public, private string }

// newKeyPair makes one that all tests share: it takes longer than any of them.
var newKeyPair = sync.OnceValues(func() (keyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return keyPair{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return keyPair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return keyPair{encode("PUBLIC KEY", public), encode("PRIVATE KEY", private)}, nil
})

// encrypters are those there are.
var encrypters = map[string]func(*testing.T, *server, setup, keyPair) encrypter{
	"go-v1": newEncrypterV1, "go-v2": newEncrypterV2,
}

func TestWhatOneClientEncryptsAnotherDecrypts(t *testing.T) {
	keys, err := newKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	for from, newWriter := range encrypters {
		for to, newReader := range encrypters {
			t.Run(from+" to "+to, func(t *testing.T) {
				everyWiring(t, func(t *testing.T, srv *server, s setup) {
					checkEncryption(t, srv, newWriter(t, srv, s, keys), newReader(t, srv, s, keys))
				})
			})
		}
	}
}

// checkEncryption fails t unless reader reads what writer wrote, and srv cannot.
func checkEncryption(t *testing.T, srv *server, writer, reader encrypter) {
	t.Helper()
	whole, one, two := random(1, 1000), random(2, partSize), random(3, 77)
	if err := writer.put("whole", whole); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.putParts(oddKey, one, two); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][]byte{"whole": whole, oddKey: slices.Concat(one, two)} {
		o, ok := srv.Object(bucket, key)
		if !ok || len(o.Data) != len(want) || bytes.Contains(o.Data, want[:64]) {
			t.Errorf("%s: the server has %v, %d bytes, want %d that are encrypted", key, ok, len(o.Data), len(want))
		}
		if got, err := reader.get(key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("get %s: %v, or its %d bytes are not those that were written", key, err, len(got))
		}
		if got, err := reader.getRange(key, 100, 900); err != nil || !bytes.Equal(got, want[100:901]) {
			t.Errorf("get a range of %s: %v, or its %d bytes are others", key, err, len(got))
		}
	}
}

// A part of another size could not be decrypted where it lies: the service refuses it.
func TestEncryptedPartOfAnotherSizeIsTheClientsOwnError(t *testing.T) {
	keys, err := newKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	for name, newWriter := range encrypters {
		t.Run(name, func(t *testing.T) {
			everyWiring(t, func(t *testing.T, srv *server, s setup) {
				id, err := newWriter(t, srv, s, keys).putParts("k", random(1, partSize+1), random(2, 7))
				got, ok := newWriter(t, srv, s, keys).refusal(err)
				got.RequestID = ""
				if want := (refusal{Status: 400, Code: "InvalidEncryptionRequest", EC: "0005-00000419"}); !ok ||
					got != want {
					t.Errorf("part of another size: %v, want %+v", err, want)
				}
				if err := newGoV1(t, srv, s).abort("k", id); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
