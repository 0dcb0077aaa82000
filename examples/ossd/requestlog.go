package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
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
//	15:04:05.004 UploadPart              bucket/key part=4 in=102400 cut 0.8ms fault LoseReply
//	15:04:05.009 GetObject               bucket/none out=369 404 NoSuchKey 0.1ms
//
// A request that is no known operation has its method for a name.
// "in" and "out" are the bytes of the bodies that came and went, and "cut" stands where the
// connection ended without a whole reply.
//
// It is the slog.Handler of the server, too: most of a line is what the server says of the request.
type requestLog struct {
	next     http.Handler
	now      func() time.Time
	json     bool      // lines are JSON
	recorder *recorder // nil if nothing is to be recorded
	recent   recent

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
	v := &visit{ResponseWriter: w, began: l.now(), method: r.Method, said: make(map[string]any)}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	asked := r
	if l.recorder != nil {
		asked = r.Clone(r.Context()) // for the record: the server may change r
		r.Body = &tappedBody{ReadCloser: r.Body, tap: &v.request}
	}
	defer l.write(v, asked) // also when the handler panics, which is how it cuts a reply short
	l.next.ServeHTTP(v, r)
	v.whole = true
}

// Handle takes in a message of the server: the one about a request belongs to a visit, others are printed.
func (l *requestLog) Handle(ctx context.Context, r slog.Record) error {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok || r.Message != "osstest: request" {
		l.print(printable(r.Level.String() + " " + r.Message))
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		v.said[a.Key] = a.Value.Any()
		return true
	})
	return nil
}

func (l *requestLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *requestLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *requestLog) WithGroup(string) slog.Handler            { return l }

// write writes the line of one request, and records it.
func (l *requestLog) write(v *visit, r *http.Request) {
	e := v.entry(l.now())
	l.recent.add(e)
	line := e.String()
	if l.json {
		line = e.JSON()
	}
	l.line(line)
	if l.recorder == nil {
		return
	}
	if err := l.recorder.write(v.exchange(r, e)); err != nil {
		l.print("recording ends: " + err.Error())
	}
}

// Write takes in what an http.Server complains of.
func (l *requestLog) Write(p []byte) (int, error) {
	l.print(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// print writes a message that is about no request.
func (l *requestLog) print(message string) {
	if l.json {
		message = jsonMessage(l.now(), message)
	}
	l.line(message)
}

// jsonMessage is a message as a line of JSON.
func jsonMessage(now time.Time, message string, more ...string) string {
	doc := map[string]any{"time": now, "msg": message}
	for i := 0; i < len(more); i += 2 {
		doc[more[i]] = more[i+1]
	}
	text, _ := json.Marshal(doc) // texts and a time of today can always be written
	return string(text)
}

// line writes a line.
func (l *requestLog) line(line string) {
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

// visitKey is where the context of a request holds its visit.
type visitKey struct{}

// A visit is what is known of a request and its reply: what the server says before it sends the reply,
// and what becomes of that.
type visit struct {
	http.ResponseWriter
	began  time.Time
	method string
	said   map[string]any // attributes; empty if the request came while the server closed
	out    int64
	whole  bool // the reply was sent to its end

	request, reply tap // documents, for the record
}

func (v *visit) text(name string) string {
	s, _ := v.said[name].(string)
	return s
}

func (v *visit) number(name string) int64 {
	n, _ := v.said[name].(int64)
	return n
}

func (v *visit) Write(p []byte) (int, error) {
	n, err := v.ResponseWriter.Write(p)
	if v.out == 0 || len(v.reply.text) > 0 {
		v.reply.see(p[:n])
	}
	v.out += int64(n)
	return n, err
}

// Unwrap lets an http.ResponseController find what the ResponseWriter underneath can do.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }
