// Package bucket opens the bucket that the examples use: the one that the environment names, or otherwise one in a
// server inside the process, so that every example runs without an account.
package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// Variables are the environment variables that Open reads. If all of them and the Flags that replace them are empty,
// the bucket is a local one.
var Variables = []string{
	"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_REGION", "OSS_ENDPOINT", "OSS_BUCKET",
}

// Flags replace variables of the environment. Empty fields replace nothing.
type Flags struct {
	Bucket    string // instead of OSS_BUCKET
	Region    string // instead of OSS_REGION
	Endpoint  string // instead of OSS_ENDPOINT
	Signature string // "v1" or "v4"; empty means v4 with a region, else v1
}

// A Bucket is a bucket and a client for it.
type Bucket struct {
	Name   string
	Client *oss.Client
	Local  bool // the bucket is inside this process, and Close removes it

	server *osstest.Server
	dir    string
}

// Open returns the bucket that flags and getenv name, or a local one if they name none. It does not touch the network.
// A local bucket keeps its objects in a temporary directory, and Open writes one line about it to log.
func Open(getenv func(string) string, flags Flags, log io.Writer) (*Bucket, error) {
	var sign signer.Signer
	switch flags.Signature {
	case "":
	case "v1":
		sign = signer.V1{}
	case "v4":
		sign = signer.V4{}
	default:
		return nil, fmt.Errorf("signature %q is neither v1 nor v4", flags.Signature)
	}
	if isLocal(getenv, flags) {
		return openLocal(cmp.Or(flags.Bucket, "example-bucket"), sign, log)
	}
	cfg := oss.Config{
		Region:   cmp.Or(flags.Region, getenv("OSS_REGION")),
		Endpoint: cmp.Or(flags.Endpoint, getenv("OSS_ENDPOINT")),
		Signer:   sign,
		Credentials: oss.Credentials{
			AccessKeyID:     getenv("OSS_ACCESS_KEY_ID"),
			AccessKeySecret: getenv("OSS_ACCESS_KEY_SECRET"),
			SecurityToken:   getenv("OSS_SESSION_TOKEN"),
		},
	}
	name := cmp.Or(flags.Bucket, getenv("OSS_BUCKET"))
	switch {
	case getenv("OSS_ACCESS_KEY_ID") == "":
		return nil, errors.New("OSS_ACCESS_KEY_ID is not set")
	case getenv("OSS_ACCESS_KEY_SECRET") == "":
		return nil, errors.New("OSS_ACCESS_KEY_SECRET is not set")
	case cfg.Region == "" && cfg.Endpoint == "":
		return nil, errors.New("neither OSS_REGION nor OSS_ENDPOINT is set")
	case cfg.Region == "" && flags.Signature == "v4":
		return nil, errors.New("signature v4 needs OSS_REGION")
	case name == "":
		return nil, errors.New("OSS_BUCKET is not set")
	}
	client, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Bucket{Name: name, Client: client}, nil
}

// isLocal reports whether neither flags nor variables name a bucket.
func isLocal(getenv func(string) string, flags Flags) bool {
	for _, name := range Variables {
		if getenv(name) != "" {
			return false
		}
	}
	return flags.Region == "" && flags.Endpoint == ""
}

func openLocal(name string, sign signer.Signer, log io.Writer) (*Bucket, error) {
	dir, err := os.MkdirTemp("", "go-oss-example-")
	if err != nil {
		return nil, err
	}
	server := osstest.NewServer(&osstest.Options{Buckets: []string{name}, Dir: dir})
	b := &Bucket{Name: name, Local: true, server: server, dir: dir}
	cfg := server.Config()
	cfg.Signer = sign
	if b.Client, err = oss.NewClient(cfg); err != nil {
		b.Close()
		return nil, err
	}
	fmt.Fprintf(log, "No OSS_* variable is set: using a test server inside this process, "+
		"which keeps its data in %s until the end.\n", dir)
	return b, nil
}

// Close removes a local bucket. It does nothing to a real one.
func (b *Bucket) Close() error {
	if b.server == nil {
		return nil
	}
	b.server.Close()
	return os.RemoveAll(b.dir)
}

// HTTPClient returns a client without keys, for presigned URLs.
func (b *Bucket) HTTPClient() *http.Client {
	if b.server != nil {
		return b.server.HTTPClient()
	}
	return http.DefaultClient
}
