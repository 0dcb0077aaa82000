// Command ossd is a server for tests that behaves like OSS, on a real port for any client. It can inject faults.
//
//	go run ./examples/ossd -addr 127.0.0.1:9000 -dir data
//	go run ./examples/ossd -fault UploadPart:part=3:times=2:lose-reply -fault PutObject:delay=2s
//
// It serves an osstest.Server. At the start it prints the configuration of several clients, and then a line for each
// request. Objects and unfinished uploads survive a restart with the same -dir.
//
// The page /-/ shows buckets, unfinished uploads and the last requests, and changes nothing. /-/health replies ok. With
// -record ossd writes requests and replies to a file for bug reports, without secrets and content.
//
// An interrupt stops it: requests in progress get five seconds, and none after a second interrupt. The exit status is 0
// after an interrupt, 1 after an error, and 2 for an invalid command line.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal cancels, the second kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// grace is the time for requests in progress after an interrupt.
const grace = 5 * time.Second

// run is main without the process. The log goes to stdout, errors go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	var s settings
	err := s.parse(args, getenv)
	if errors.Is(err, flag.ErrHelp) {
		s.usage(stdout)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "ossd: %v (-help shows the flags)\n", err)
		return exitUsage
	}
	if err := start(ctx, &s, stdout); err != nil {
		fmt.Fprintln(stderr, "ossd:", err)
		return exitFailure
	}
	return exitOK
}

// start opens the server and serves until ctx is done.
func start(ctx context.Context, s *settings, stdout io.Writer) error {
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	for _, ln := range listeners {
		defer ln.Close()
	}
	l := &requestLog{now: time.Now, out: stdout, json: s.logJSON}
	if s.record != "" {
		if l.recorder, err = openRecorder(s.record); err != nil {
			return err
		}
		defer l.recorder.close()
	}
	srv, err := s.open(slog.New(l))
	if err != nil {
		return err
	}
	defer srv.Close()
	l.next = srv
	addr := listeners[0].Addr().(*net.TCPAddr)
	if s.logJSON {
		l.line(jsonMessage(time.Now(), "ossd serves an OSS for tests", "endpoint", s.endpoint(addr), "region",
			s.options.Region,
			"certificate", s.certificatePEM))
	} else if err := s.introduce(stdout, addr); err != nil {
		return err
	}
	page := &statusPage{server: srv, log: l, about: fmt.Sprintf("%s, region %s, data %s", s.endpoint(addr),
		s.options.Region,
		cmp.Or(s.options.Dir, "in memory"))}
	return serve(ctx, page, l, srv.Close, listeners...)
}
