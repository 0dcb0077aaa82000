package osstusd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	osstusd "github.com/ossmultipart/go-oss/oss/drivers/tusd"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Variables of the environment with which this program is a tusd server and no test.
const (
	endpointVariable = "OSSTUSD_TEST_ENDPOINT" // of OSS
	addressVariable  = "OSSTUSD_TEST_ADDRESS"  // of the server
	partsVariable    = "OSSTUSD_TEST_PARTS"    // bytes in a part; 0 means the default
)

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		fmt.Fprintln(os.Stderr, serve(endpoint, os.Getenv(addressVariable), os.Getenv(partsVariable)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serve is what a program does with a Store. It prints a line when clients can connect.
func serve(endpoint, address, parts string) error {
	partSize, err := strconv.ParseInt(parts, 10, 64)
	if err != nil {
		return err
	}
	client, err := oss.NewClient(oss.Config{
		Region: "cn-hangzhou", Endpoint: endpoint, Credentials: osstest.TestCredentials(),
		Retry: oss.Retry{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	store, err := osstusd.New(client, bucket, &osstusd.Options{
		Prefix:  "files/",
		Uploads: multipart.Options{PartSize: partSize, ExclusiveKeys: true},
	})
	if err != nil {
		return err
	}
	composer := handler.NewStoreComposer()
	store.UseIn(composer)
	memorylocker.New().UseIn(composer)
	h, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: basePath, Logger: quiet(), RespectForwardedHeaders: true,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr())
	return http.Serve(listener, http.StripPrefix(basePath, h))
}

// A tusd is a server in a process of its own, which can be killed and started again.
type tusd struct {
	t        *testing.T
	endpoint string // of OSS
	address  string // the same after every start
	partSize int64
	cmd      *exec.Cmd
	log      bytes.Buffer
}

// startTusd starts a server with the OSS of srv, which gets a port. A part size of 0 means the default.
func startTusd(t *testing.T, srv *osstest.Server, partSize int64) *tusd {
	t.Helper()
	web := httptest.NewServer(srv)
	t.Cleanup(web.Close)
	s := &tusd{t: t, endpoint: web.URL, address: "127.0.0.1:0", partSize: partSize}
	s.start()
	t.Cleanup(func() {
		if s.kill(); t.Failed() {
			t.Logf("the server:\n%s", s.log.Bytes())
		}
		// tusd v2.9.1 has a race of its own, of a PATCH that begins and a client that goes away.
		text := s.log.String()
		if strings.Contains(text, "DATA RACE") && strings.Contains(text, "/go-oss/multipart.") {
			t.Errorf("the server:\n%s", text)
		}
	})
	return s
}

func (s *tusd) start() {
	s.t.Helper()
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), endpointVariable+"="+s.endpoint, addressVariable+"="+s.address,
		partsVariable+"="+strconv.FormatInt(s.partSize, 10))
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("the server does not start: %v", err)
	}
	if address := strings.TrimSpace(strings.TrimPrefix(line, "ready ")); address != s.address {
		s.address = address // of the first start
	}
}

func (s *tusd) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// url is where uploads are created.
func (s *tusd) url() string { return "http://" + s.address + basePath }

// newOSS returns an OSS with the bucket of the tests. At the end the bucket must have no unfinished upload.
func newOSS(t *testing.T) *osstest.Server {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{bucket}})
	t.Cleanup(func() {
		srv.Close()
		wantNoUploads(t, srv)
	})
	return srv
}
