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

// A requestLog passes requests to the server and writes a line for each when it has ended:
//
//	15:04:05.000 UploadPart              bucket/key part=3 in=102400 200 1.2ms
//	15:04:05.004 UploadPart              bucket/key part=4 in=102400 cut 0.8ms fault LoseReply
//	15:04:05.009 GetObject               bucket/none out=369 404 NoSuchKey 0.1ms
//
// An unknown operation is shown as its method. "in" and "out" are the bytes of the bodies of request and reply, and
// "cut" means that the connection was closed before the end of the reply.
//
// A requestLog is also the slog.Handler of the server, because most of a line comes from the record of the server.
type requestLog struct {
	next     http.Handler
	now      func() time.Time
	json     bool      // lines are JSON
	recorder *recorder // nil without -record
	recent   recent

	handlers struct {
		sync.Mutex
		running sync.WaitGroup
		closed  bool
	}

	mu  sync.Mutex
	out io.Writer
}

// close waits until every request is in the log, and refuses later ones. An http.Server does not wait for handlers that
// hijacked their connection.
func (l *requestLog) close() {
	l.handlers.Lock()
	l.handlers.closed = true
	l.handlers.Unlock()
	l.handlers.running.Wait()
}

// enter counts a running request. It returns false once the requestLog is closed.
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
	v := &visit{ResponseWriter: w, began: l.now(), method: r.Method, attrs: make(map[string]any)}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	asked := r
	if l.recorder != nil {
		asked = r.Clone(r.Context()) // for the recorder, because the server may change r
		r.Body = &tappedBody{ReadCloser: r.Body, tap: &v.request}
	}
	defer l.write(v, asked) // deferred because the handler panics to cut a reply short
	l.next.ServeHTTP(v, r)
	v.whole = true
}

// Handle handles a record of the server. It adds the record of a request to its visit, and prints others.
func (l *requestLog) Handle(ctx context.Context, r slog.Record) error {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok || r.Message != "osstest: request" {
		l.print(printable(r.Level.String() + " " + r.Message))
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		v.attrs[a.Key] = a.Value.Any()
		return true
	})
	return nil
}

func (l *requestLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *requestLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *requestLog) WithGroup(string) slog.Handler            { return l }

// write writes the line of a request, and passes it to the recorder.
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

// Write prints an error message of an http.Server.
func (l *requestLog) Write(p []byte) (int, error) {
	l.print(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// print writes a message that does not belong to a request.
func (l *requestLog) print(message string) {
	if l.json {
		message = jsonMessage(l.now(), message)
	}
	l.line(message)
}

// jsonMessage returns a message as a line of JSON.
func jsonMessage(now time.Time, message string, more ...string) string {
	doc := map[string]any{"time": now, "msg": message}
	for i := 0; i < len(more); i += 2 {
		doc[more[i]] = more[i+1]
	}
	text, _ := json.Marshal(doc) // strings and the present time can always be marshaled
	return string(text)
}

// line writes one line.
func (l *requestLog) line(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.out, line)
}

// printable quotes a string with control characters, which could break the line or control a terminal.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// visitKey is the key of the visit in the context of a request.
type visitKey struct{}

// A visit collects what is logged about a request and its reply. It is the http.ResponseWriter of the server.
type visit struct {
	http.ResponseWriter
	began  time.Time
	method string
	attrs  map[string]any // attributes of the record; empty if the server was closing
	out    int64
	whole  bool // the reply was sent completely

	request, reply tap // documents, for the recorder
}

func (v *visit) text(name string) string {
	s, _ := v.attrs[name].(string)
	return s
}

func (v *visit) number(name string) int64 {
	n, _ := v.attrs[name].(int64)
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

// Unwrap returns the underlying http.ResponseWriter, for an http.ResponseController.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }
