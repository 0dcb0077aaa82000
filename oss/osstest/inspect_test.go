package osstest

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func TestRequestLogKeepsTheNewest(t *testing.T) {
	s := NewServer(nil)
	defer s.Close()
	for range logSize {
		e := &Request{Op: "Old"}
		s.log.entries = append(s.log.entries, e)
		s.log.bytes += e.footprint()
	}
	for range 3 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "http://bucket.localhost/key", nil))
	}
	if all := s.Requests(); len(all) != logSize || len(s.Requests("PutObject")) != 3 ||
		all[logSize-1].Op != "PutObject" {
		t.Errorf("%d requests are kept, want %d", len(all), logSize)
	}
	if len(s.log.entries) > logSize+3 {
		t.Errorf("%d entries are held", len(s.log.entries))
	}
}

// 100,000 remembered requests took 120 MiB and more of a long-lived server.
func TestRequestLogIsBoundedInBytes(t *testing.T) {
	s := NewServer(nil)
	defer s.Close()
	r := httptest.NewRequest(http.MethodGet, "http://bucket.localhost/key?uploads", nil)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 3000 {
		r.Header.Set("X-Note", strings.Repeat("x", 64<<10)+string(rune('a'+i%26))) // a string of its own for each
		x := &exchange{Server: s, r: r, op: unknownOperation, opts: &s.opts}
		s.log.add(x)
	}
	if held := heap() - before; held > logBytes+logBytes/4 || s.log.bytes > logBytes {
		t.Errorf("%d bytes are held and %d counted, want at most %d", held, s.log.bytes, logBytes)
	}
	all := s.Requests()
	if n := len(all); n < 900 || n > 1023 ||
		!strings.HasSuffix(all[n-1].Header.Get("X-Note"), string(rune('a'+2999%26))) {
		t.Errorf("%d requests are kept, want the newest that fit", n)
	}
	for range 200_000 { // and entries are not held for ever
		s.log.add(&exchange{Server: s, r: &http.Request{Header: http.Header{}}, op: unknownOperation, opts: &s.opts})
	}
	if n := len(s.Requests()); n != logSize || len(s.log.entries) > logSize+logSize/10+1 {
		t.Errorf("%d requests are kept in %d entries", n, len(s.log.entries))
	}
}
