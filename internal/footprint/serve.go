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

// serveVariable makes this program a server, and names the directory for its bodies. The server is a separate process,
// because the memory that it used would otherwise count for every process that it starts later.
const serveVariable = "GO_OSS_FOOTPRINT_SERVE"

const region = "cn-hangzhou"

// serve answers on a loopback port, whose URL it prints, until in ends. So it does not outlive its parent.
func serve(dir string, in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // the terminal sends them to the whole process group
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
