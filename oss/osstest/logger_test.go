package osstest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A keeper is a slog.Handler that keeps the last line, its attributes by their names, and its context.
type keeper struct {
	message string
	attrs   map[string]any
	ctx     context.Context
}

func (k *keeper) Enabled(context.Context, slog.Level) bool { return true }
func (k *keeper) WithAttrs([]slog.Attr) slog.Handler       { return k }
func (k *keeper) WithGroup(string) slog.Handler            { return k }

func (k *keeper) Handle(ctx context.Context, r slog.Record) error {
	k.message, k.attrs, k.ctx = r.Message, make(map[string]any), ctx
	r.Attrs(func(a slog.Attr) bool { k.attrs[a.Key] = a.Value.Any(); return true })
	return nil
}

func TestLoggerIsToldTheFaultTheSizeTheTimeAndTheContext(t *testing.T) {
	delay := osstest.Delay(2 * time.Second)
	tests := []struct {
		name   string
		effect osstest.Effect // nil for none
		want   map[string]any // of what may differ
	}{
		{"no fault", nil, map[string]any{"status": int64(200), "code": "", "size": int64(7), "fault": "",
			"duration": time.Duration(0)}},
		{"answered late", delay, map[string]any{"status": int64(200), "code": "", "size": int64(7),
			"fault": "Delay(2s)", "duration": 2 * time.Second}},
		{"refused", osstest.FailAfter(3, 500, "InternalError"), map[string]any{
			"status": int64(500), "code": "InternalError", "size": int64(3), "fault": "FailAfter(3 500 InternalError)",
			"duration": time.Duration(0),
		}},
		{"cut, late", osstest.Together(delay, osstest.LoseReply()), map[string]any{
			"status": int64(0), "code": "", "size": int64(7), "fault": "Delay(2s)+LoseReply",
			"duration": 2 * time.Second,
		}},
		{"cut before the body", osstest.Drop(), map[string]any{
			"status": int64(0), "code": "", "size": int64(0), "fault": "Drop", "duration": time.Duration(0),
		}},
		{"drawn by chaos", osstest.Chaos(1, osstest.Rate{Share: 1, Effect: osstest.Throttle(nil)}), map[string]any{
			"status": int64(503), "code": "TotalQpsLimitExceeded", "size": int64(7),
			"fault": "Throttle(503 TotalQpsLimitExceeded)", "duration": time.Duration(0),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var last keeper
				srv := start(t, &osstest.Options{Logger: slog.New(&last)})
				if tt.effect != nil {
					srv.Inject(osstest.Fault{Effect: tt.effect})
				}
				type mark struct{}
				req := call{method: "PUT", key: "key", body: "content"}.request(t)
				req.Header.Set("Content-Length", "7")
				func() {
					defer func() {
						if p := recover(); p != nil && p != http.ErrAbortHandler { // that is how a cut ends here
							t.Errorf("panic: %v", p)
						}
					}()
					srv.ServeHTTP(httptest.NewRecorder(),
						req.WithContext(context.WithValue(t.Context(), mark{}, "ours")))
				}()
				for name, want := range tt.want {
					if got := last.attrs[name]; got != want {
						t.Errorf("%s is %v, want %v", name, got, want)
					}
				}
				if last.message != "osstest: request" || last.ctx.Value(mark{}) != "ours" {
					t.Errorf("%q came with the context %v", last.message, last.ctx)
				}
			})
		})
	}
}
