package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// serveVariable makes this program a server, and says where it keeps its bodies. The server is a
// process of its own because the memory it once used would count for every process it starts later.
const serveVariable = "GO_OSS_FOOTPRINT_SERVE"

const region = "cn-hangzhou"

// serve answers on a loopback port, whose URL it prints, until in ends: it cannot outlive its
// parent, however that ends.
func serve(dir string, in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // which the terminal sends to the whole group
	fake := osstest.NewServer(&osstest.Options{Region: region, Buckets: []string{bucketName}, Dir: dir})
	defer fake.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: fake}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	io.Copy(io.Discard, in)
	if err := web.Close(); err != nil {
		return err
	}
	if err := <-served; err != http.ErrServerClosed {
		return err
	}
	return nil
}
