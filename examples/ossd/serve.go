package main

import (
	"context"
	"log"
	"net"
	"net/http"
)

// serve serves ln until ctx is done. Then it takes no more requests, and when the running ones have
// had their time it calls cut to make them end. Every request has its line when it returns.
func serve(ctx context.Context, ln net.Listener, l *requestLog, cut func()) error {
	web := &http.Server{Handler: l, ErrorLog: log.New(l, "", 0)}
	stopped := make(chan error, 1)
	go func() { stopped <- web.Serve(ln) }()
	select {
	case err := <-stopped:
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
	<-stopped
	l.close()
	l.print("stopped")
	return nil
}
