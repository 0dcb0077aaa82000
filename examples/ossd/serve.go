package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
)

// serve serves the listeners with handler until ctx is done. Then it accepts no more requests, waits for those in
// progress for at most grace, and calls cut to end the others. When it returns, every request is in the log.
func serve(ctx context.Context, handler http.Handler, l *requestLog, cut func(), listeners ...net.Listener) error {
	web := &http.Server{
		Handler: handler, ErrorLog: log.New(l, "", 0),
		TLSNextProto: make(map[string]func(*http.Server, *tls.Conn, http.Handler)), // no HTTP/2
	}
	stopped := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { stopped <- web.Serve(ln) }()
	}
	select {
	case err := <-stopped:
		web.Close()
		return err
	case <-ctx.Done():
	}
	l.print("stopping: running requests have " + grace.String() + ", a second interrupt ends them now")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if web.Shutdown(last) != nil {
		l.print("cutting off the requests that are still running")
		cut()
		web.Close()
	}
	for range listeners {
		<-stopped
	}
	l.close()
	l.print("stopped")
	return nil
}
