package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// A requestLog serves requests and writes a line for each when it has ended:
//
//	15:04:05.000 UploadPart              bucket/key part=3 in=102400 200 1.2ms
//	15:04:05.004 UploadPart              bucket/key part=4 in=102400 cut 0.8ms fault UploadPart:lose-reply
//	15:04:05.009 GetObject               bucket/none out=369 404 NoSuchKey 0.1ms
//
// A request that is no known operation has its method for a name.
// "in" and "out" are the bytes of the bodies that came and went, and "cut" stands where the
// connection ended without a reply, or behind the status of one that was not sent to its end.
type requestLog struct {
	next    http.Handler
	strikes *strikes
	now     func() time.Time
	told    told

	handlers struct {
		sync.Mutex
		running sync.WaitGroup
		closed  bool
	}

	mu  sync.Mutex
	out io.Writer
}

// close waits until every request has its line; later ones are not served. An http.Server does not
// wait for those whose connection was cut, because it no longer owns it.
func (l *requestLog) close() {
	l.handlers.Lock()
	l.handlers.closed = true
	l.handlers.Unlock()
	l.handlers.running.Wait()
}

// enter counts a request in, unless the requestLog is closed.
func (l *requestLog) enter() bool {
	l.handlers.Lock()
	defer l.handlers.Unlock()
	if !l.handlers.closed {
		l.handlers.running.Add(1)
	}
	return !l.handlers.closed
}

// ServeHTTP makes a requestLog an http.Handler.
func (l *requestLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.enter() {
		panic(http.ErrAbortHandler)
	}
	defer l.handlers.running.Done()
	v := &visit{ResponseWriter: w, began: l.now()}
	settle := l.strikes.begin()
	v.touch = sync.OnceFunc(func() { v.fault = settle() })
	r = r.WithContext(r.Context()) // a copy
	r.Body = &tap{r.Body, v}
	defer func() { // also when the handler panics, which is how it cuts a reply short
		v.touch()
		l.write(v, l.told.take(v.Header().Get("x-oss-request-id"), r))
	}()
	l.next.ServeHTTP(v, r)
	v.whole = true
}

// write writes the line of one request.
func (l *requestLog) write(v *visit, f facts) {
	now := l.now()
	var line strings.Builder
	fmt.Fprintf(&line, "%s %-23s %s", now.Format("15:04:05.000"), cmp.Or(f.op, f.method), printable(f.bucket+"/"+f.key))
	if f.part > 0 {
		fmt.Fprintf(&line, " part=%d", f.part)
	}
	if v.in > 0 {
		fmt.Fprintf(&line, " in=%d", v.in)
	}
	if v.out > 0 {
		fmt.Fprintf(&line, " out=%d", v.out)
	}
	if v.status != 0 {
		fmt.Fprintf(&line, " %d", v.status)
	}
	if v.status == 0 || !v.whole {
		line.WriteString(" cut")
	}
	if f.code != "" {
		line.WriteString(" " + f.code)
	}
	fmt.Fprintf(&line, " %.1fms", float64(now.Sub(v.began).Microseconds())/1000)
	if v.fault != "" {
		line.WriteString(" fault " + printable(v.fault))
	}
	l.print(line.String())
}

// Write takes in what an http.Server complains of.
func (l *requestLog) Write(p []byte) (int, error) {
	l.print(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// print writes a line, be it about a request or not.
func (l *requestLog) print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.out, line)
}

// printable keeps what a client chose on its line, and terminals from obeying it.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// A visit is what can be seen of a request and its reply from outside the server.
type visit struct {
	http.ResponseWriter
	began   time.Time
	touch   func() // called at the first touch of a body or the reply
	fault   string
	in, out int64
	status  int
	whole   bool // the reply was sent to its end
}

func (v *visit) Header() http.Header {
	v.touch()
	return v.ResponseWriter.Header()
}

func (v *visit) WriteHeader(status int) {
	v.status = status
	v.ResponseWriter.WriteHeader(status)
}

func (v *visit) Write(p []byte) (int, error) {
	n, err := v.ResponseWriter.Write(p)
	v.out += int64(n)
	return n, err
}

// Hijack gives up the connection, which the server does to cut it.
func (v *visit) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	v.touch()
	return http.NewResponseController(v.ResponseWriter).Hijack()
}

// Unwrap lets an http.ResponseController find what the ResponseWriter underneath can do.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

// A tap counts the bytes of a request's body.
type tap struct {
	io.ReadCloser
	v *visit
}

func (t *tap) Read(p []byte) (int, error) {
	t.v.touch()
	n, err := t.ReadCloser.Read(p)
	t.v.in += int64(n)
	return n, err
}
