package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// facts are what only the server knows of a request.
type facts struct {
	id, method, op, bucket, key, code string
	part, status                      int
}

// told is the slog.Handler through which the server tells facts. Its other messages are printed.
type told struct {
	print func(string)

	mu   sync.Mutex
	news []facts // of the requests in flight
}

func (t *told) Enabled(context.Context, slog.Level) bool { return true }
func (t *told) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t *told) WithGroup(string) slog.Handler            { return t }

// Handle takes in one message of the server.
func (t *told) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "osstest: request" {
		t.print(printable(r.Level.String() + " " + r.Message))
		return nil
	}
	var f facts
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "request_id":
			f.id = a.Value.String()
		case "method":
			f.method = a.Value.String()
		case "op":
			f.op = a.Value.String()
		case "bucket":
			f.bucket = a.Value.String()
		case "key":
			f.key = a.Value.String()
		case "code":
			f.code = a.Value.String()
		case "part":
			f.part = int(a.Value.Int64())
		case "status":
			f.status = int(a.Value.Int64())
		}
		return true
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.news = append(t.news, f)
	return nil
}

// take returns the facts of a request that has ended. A reply carries the ID to find them by. A request
// without one is known by what it asked for: if two that were cut at the same time asked for the
// same, either's facts will do.
func (t *told) take(id string, r *http.Request) facts {
	part, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.news, func(f facts) bool {
		if id != "" {
			return f.id == id
		}
		return f.status == 0 && f.method == r.Method && f.part == part &&
			strings.HasSuffix(r.URL.Path, f.key) && strings.Contains(r.Host+r.URL.Path, f.bucket)
	})
	if i < 0 {
		return facts{method: r.Method} // it came while the server closed
	}
	f := t.news[i]
	t.news = slices.Delete(t.news, i, i+1)
	return f
}
