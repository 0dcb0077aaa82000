package credtest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// HTTPClient returns a client whose requests are served in the process, without a socket: by the handler of the host
// that the URL names, whatever the scheme, or else by the one of the empty name. A host without a handler refuses
// the connection.
func HTTPClient(hosts map[string]http.Handler) *http.Client {
	return &http.Client{Transport: transport(hosts)}
}

type transport map[string]http.Handler

// RoundTrip serves r in a goroutine that ends with its handler.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	h := t[r.URL.Hostname()]
	if h == nil {
		h = t[""]
	}
	if h == nil {
		return nil, refusedConnection()
	}
	served := r.Clone(r.Context())
	served.RequestURI, served.Host = r.URL.RequestURI(), r.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	} else { // a handler may outlive RoundTrip, which closes the body
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		served.Body = io.NopCloser(bytes.NewReader(body))
	}
	done := make(chan *recorder, 1)
	go func() {
		w := &recorder{header: make(http.Header)}
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				w.err = io.ErrUnexpectedEOF
			case errRefuse:
				w.err = refusedConnection()
			default:
				panic(p)
			}
			done <- w
		}()
		h.ServeHTTP(w, served)
	}()
	select {
	case w := <-done:
		return w.response(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func refusedConnection() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// A recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	err    error
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *recorder) response(r *http.Request) (*http.Response, error) {
	if w.err != nil {
		return nil, w.err
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}
