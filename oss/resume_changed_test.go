package oss_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestAChangedObjectIsNotReadOn(t *testing.T) {
	old := content(300_000)
	for _, tt := range []struct {
		name      string
		versioned bool
		change    func(srv *osstest.Server)
		want      string // in the error; empty means that the old object is read to its end
	}{
		{"replaced", false, func(srv *osstest.Server) { srv.PutObject("bucket", "key", []byte("new"+old)) },
			"PreconditionFailed"},
		{"replaced by the same", false, func(srv *osstest.Server) { srv.PutObject("bucket", "key", []byte(old)) }, ""},
		{"deleted", false, func(srv *osstest.Server) {
			srv.Client().DeleteObject(context.Background(), "bucket", "key", nil)
		}, "NoSuchKey"},
		{"replaced, with versions", true, func(srv *osstest.Server) {
			srv.PutObject("bucket", "key", []byte("new"+old))
		}, ""},
		{"deleted, with versions", true, func(srv *osstest.Server) {
			srv.Client().DeleteObject(context.Background(), "bucket", "key", nil)
		}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			if tt.versioned {
				srv.SetVersioning("bucket", true)
			}
			srv.PutObject("bucket", "key", []byte(old))
			srv.Inject(osstest.Fault{Op: "GetObject", Times: 2, Effect: osstest.Truncate(100_000)})
			obj, err := srv.Client().GetObject(t.Context(), "bucket", "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			tt.change(srv)
			got, err := io.ReadAll(obj.Body)
			var changed *oss.ChangedError
			if tt.want == "" {
				if string(got) != old || err != nil {
					t.Errorf("%s: read %d bytes, %v, want the old object", tt.name, len(got), err)
				}
				return
			}
			if string(got) != old[:100_000] || !errors.As(err, &changed) || changed.ETag != obj.ETag ||
				changed.Offset != 100_000 ||
				!strings.Contains(err.Error(), tt.want) || errors.Is(err, fs.ErrNotExist) != (tt.name == "deleted") {
				t.Errorf("%s: read %d bytes, %v, want a ChangedError with %s", tt.name, len(got), err, tt.want)
			}
		})
	}
}

// A server that ignores If-Match, as some gateways do, is found out by the ETag.
func TestAReplyWithAnotherETagIsAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(cut("01234567", 4, "ETag", `"A"`), says(206, "4567", "ETag", `"B"`, "Content-Range", "bytes 4-7/8"))
		obj, err := s.client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		var changed *oss.ChangedError
		if got, err := io.ReadAll(obj.Body); string(got) != "0123" || !errors.As(err, &changed) ||
			!strings.Contains(err.Error(), `\"B\"`) {
			t.Errorf("read %q, %v, want a ChangedError", got, err)
		} else if strings.Count(err.Error(), "oss: ") != 1 {
			t.Errorf("the error %q names its package more than once", err)
		}
	})
}
