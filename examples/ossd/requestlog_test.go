package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// TestLogLines looks at lines whole, with a clock that moves by 1.5 ms at each look.
func TestLogLines(t *testing.T) {
	tests := []struct {
		name, method, target, body string
		want                       string
	}{
		{"refused", "PUT", "/b/k", "hello",
			"12:00:00.003 PutObject               b/k in=5 out=286 403 AccessDenied 1.5ms"},
		{"a part", "PUT", "/b/k?partNumber=7&uploadId=X", "",
			"12:00:00.003 UploadPart              b/k part=7 out=286 403 AccessDenied 1.5ms"},
		{"no body either way", "HEAD", "/b/k", "", "12:00:00.003 HeadObject              b/k 403 AccessDenied 1.5ms"},
		{"no known operation", "PATCH", "/b/k", "",
			"12:00:00.003 PATCH                   b/k out=286 403 AccessDenied 1.5ms"},
		{"a name that obeys", "HEAD", "/b/a%1B%5B2J%0Ab", "",
			`12:00:00.003 HeadObject              "b/a\x1b[2J\nb" 403 AccessDenied 1.5ms`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			clock := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
			l := &requestLog{out: &out,
				now: func() time.Time { clock = clock.Add(1500 * time.Microsecond); return clock }}
			srv := osstest.NewServer(&osstest.Options{Logger: slog.New(l)})
			defer srv.Close()
			l.next = srv
			l.ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequest(tt.method, "http://127.0.0.1"+tt.target, strings.NewReader(tt.body)))
			got := document.ReplaceAllString(out.String(), "$1")
			if want := document.ReplaceAllString(tt.want, "$1") + "\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

// TestOtherNewsOfTheServerIsPrinted: a full disk is not a request.
func TestOtherNewsOfTheServerIsPrinted(t *testing.T) {
	var out bytes.Buffer
	l := &requestLog{out: &out}
	slog.New(l).Error("osstest: disk\nfull", "op", "PutObject")
	if got, want := out.String(), `"ERROR osstest: disk\nfull"`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsServedAfterClose(t *testing.T) {
	l := &requestLog{next: http.NotFoundHandler()}
	l.close()
	defer func() {
		if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
			t.Errorf("panic is %v", p)
		}
	}()
	l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{"a b/c": "a b/c", "a\nb": `"a\nb"`,
		"\x1b[2J": `"\x1b[2J"`, "\xff": `"\xff"`} {
		if got := printable(text); got != want {
			t.Errorf("printable(%q) = %s, want %s", text, got, want)
		}
	}
}
