package multipart_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func truncateKeepsWholeParts(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		want := data(1200)
		u := anUploader(srv, multipart.Options{})
		w := u.NewWriter(t.Context(), bucket, key, nil)
		write(t, w, want[:300])
		write(t, w, bytes.Repeat([]byte("wrong"), 100)) // 256, 256, 256 and a tail of 32
		if err := w.Truncate(801); err == nil || errors.Is(err, multipart.ErrInsidePart) {
			t.Errorf("Truncate to more than there is: %v", err)
		}
		if err := w.Truncate(-1); err == nil {
			t.Error("Truncate to -1 is no error")
		}
		if err := w.Truncate(790); err != nil || w.Size() != 790 { // in the tail
			t.Errorf("Truncate into the tail: %v, size %d", err, w.Size())
		}
		err := w.Truncate(300)
		if !errors.Is(err, multipart.ErrInsidePart) || !strings.Contains(err.Error(), "byte 256 and ends at byte 512") {
			t.Errorf("Truncate inside a part: %v", err)
		}
		if err := w.Truncate(256); err != nil || w.Size() != 256 {
			t.Fatalf("Truncate to the end of a part: %v, size %d", err, w.Size())
		}
		cp := suspended(t, w, want[256:600])
		if w, err = u.ContinueWriter(t.Context(), cp, nil); err != nil {
			t.Fatal(err)
		}
		write(t, w, []byte("wrong"))
		if err := w.Truncate(512); err != nil {
			t.Fatalf("Truncate in another process: %v", err)
		}
		write(t, w, want[512:])
		err = w.Close()
		wantObject(t, srv, want, w.Result(), err)
	})
}

func truncateToTheBeginningIsAlwaysPossible(t *testing.T) {
	for _, size := range []int{0, 10, 300, 1000} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			want := data(100)
			u := anUploader(srv, multipart.Options{})
			cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(size))
			w, err := u.ContinueWriter(t.Context(), cp, nil)
			if err == nil {
				err = w.Truncate(0)
			}
			if err != nil {
				t.Fatal(err)
			}
			write(t, w, want)
			err = w.Close()
			wantObject(t, srv, want, w.Result(), err)
		})
	}
}
