// Command handler is a web server that stores the body of each PUT request as an object. All requests share one
// Uploader, and with it its memory and its connections. Slow clients do not delay others:
//
//	go run ./examples/handler -addr 127.0.0.1:8080
//	curl -T FILE http://127.0.0.1:8080/KEY
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the first interrupt ends the uploads in progress, the second kills
	if err := run(ctx, os.Getenv, *addr, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "handler:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, getenv func(string) string, addr string, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, out)
	if err != nil {
		return err
	}
	defer b.Close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           newHandler(multipart.NewUploader(b.Client, nil), b.Name),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Shutdown(context.Background()) })()
	fmt.Fprintf(out, "listening on http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return server.Shutdown(context.Background()) // waits for the requests whose uploads have been cancelled
}

// newHandler returns a handler that stores the body of "PUT /KEY" as the object KEY.
func newHandler(up *multipart.Uploader, bucket string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /{key...}", func(w http.ResponseWriter, r *http.Request) {
		opts := &oss.ObjectOptions{ContentType: r.Header.Get("Content-Type")}
		body := multipart.Sized(r.Body, r.ContentLength) // -1 if the client does not tell the length
		res, err := up.Upload(r.Context(), bucket, r.PathValue("key"), body, opts)
		if err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		w.Header().Set("ETag", res.ETag)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(map[string]any{"size": res.Size, "crc64": res.CRC64})
	})
	return mux
}

// statusOf returns the HTTP status for err, which may be a mistake of the client or a failure behind the handler.
func statusOf(err error) int {
	var failed *multipart.UploadError
	switch {
	case !errors.As(err, &failed): // refused before the first request
		return http.StatusBadRequest
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, multipart.ErrSourceChanged): // the client went away
		return http.StatusBadRequest
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}
