package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func twoWritersOnOneUploadNeverMixTheirBytes(t *testing.T) {
	for _, last := range []string{"first", "second"} {
		for _, sidecar := range []bool{false, true} {
			t.Run(fmt.Sprint(last, sidecar), func(t *testing.T) {
				withSessions(t, func(t *testing.T, srv *osstest.Server) {
					want, other := data(1200), append(data(300), bytes.Repeat([]byte("other"), 180)...)
					opts := multipart.Options{Sidecar: sidecar}
					cp := suspended(t, anUploader(srv, opts).NewWriter(t.Context(), bucket, key, nil), want[:300])
					one, err1 := anUploader(srv, opts).ContinueWriter(t.Context(), cp, nil)
					two, err2 := anUploader(srv, opts).ContinueWriter(t.Context(), cp, nil)
					if err1 != nil || err2 != nil {
						t.Fatal(err1, err2)
					}
					write(t, one, want[300:])
					write(t, two, other[300:])
					synctest.Wait()
					winner, loser, bytes := two, one, other // whose parts came last is not known
					if last == "first" {
						winner, loser, bytes = one, two, want
					}
					err := winner.Close()
					errLoser := loser.Close()
					switch {
					case err == nil && errLoser == nil:
						t.Fatal("both have made an object")
					case err == nil:
						wantObject(t, srv, bytes, winner.Result(), nil)
					case errLoser == nil:
						if last == "first" {
							bytes = other
						} else {
							bytes = want
						}
						wantObject(t, srv, bytes, loser.Result(), nil)
					default:
						if _, ok := srv.Object(bucket, key); ok {
							t.Errorf("there is an object, and the errors are %v and %v", err, errLoser)
						}
					}
					for _, err := range []error{err, errLoser} {
						if err != nil && !errors.Is(err, oss.ErrInvalidPart) && !errors.Is(err, oss.ErrNoSuchUpload) {
							t.Errorf("a Writer ended with %v", err)
						}
					}
					anUploader(srv, multipart.Options{Sidecar: true}).DiscardWriter(t.Context(), cp)
				})
			})
		}
	}
}

func ofTwoWritersTheLaterSuspendIsRefused(t *testing.T) {
	for _, n := range []int{10, 600} { // only a tail, and parts
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			want := data(1000)
			opts := multipart.Options{Sidecar: true}
			cp := suspended(t, anUploader(srv, opts).NewWriter(t.Context(), bucket, key, nil), want[:300])
			one, _ := anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
			two, _ := anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
			suspended(t, one, want[300:300+n])
			write(t, two, bytes.Repeat([]byte("x"), n))
			if _, err := two.Suspend(t.Context()); !errors.Is(err, multipart.ErrStaleCheckpoint) {
				t.Errorf("the second Suspend: %v", err)
			}
			if n == 600 { // two has replaced the parts of one: this upload is lost, and says so
				_, err := anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
				if !errors.Is(err, multipart.ErrStaleCheckpoint) {
					t.Errorf("OpenWriter: %v", err)
				}
				if err := anUploader(srv, opts).DiscardWriter(t.Context(), cp); err != nil {
					t.Error(err)
				}
				return
			}
			w, err := anUploader(srv, opts).OpenWriter(t.Context(), cp.Upload, nil)
			if err != nil || w.Size() != int64(300+n) {
				t.Fatal(err)
			}
			write(t, w, want[300+n:])
			err = w.Close()
			wantObject(t, srv, want, w.Result(), err)
		})
	}
}

func anUploadThatHasEndedCannotBeContinued(t *testing.T) {
	for _, how := range []string{"aborted", "completed"} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			opts := multipart.Options{Sidecar: true}
			u := anUploader(srv, opts)
			cp := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(300))
			running, err := u.ContinueWriter(t.Context(), cp, nil)
			if err != nil {
				t.Fatal(err)
			}
			write(t, running, data(700))
			if how == "aborted" {
				err = srv.Client().AbortMultipartUpload(t.Context(), cp.Upload)
			} else {
				_, err = srv.Client().CompleteMultipartUpload(t.Context(), cp.Upload, nil,
					&oss.CompleteOptions{AllParts: true})
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err = running.Suspend(t.Context()); !errors.Is(err, oss.ErrNoSuchUpload) {
				t.Errorf("%s: Suspend: %v", how, err)
			}
			if _, err = u.ContinueWriter(t.Context(), cp, nil); !errors.Is(err, oss.ErrNoSuchUpload) {
				t.Errorf("%s: ContinueWriter: %v", how, err)
			}
			if _, err = u.OpenWriter(t.Context(), cp.Upload, nil); !errors.Is(err, oss.ErrNoSuchUpload) {
				t.Errorf("%s: OpenWriter: %v", how, err)
			}
			var ue *multipart.UploadError
			if !errors.As(err, &ue) || !strings.Contains(err.Error(), "is gone") {
				t.Errorf("%s: %v", how, err)
			}
		})
	}
}

func TestOptionsOfAContinuedWriter(t *testing.T) {
	for _, size := range []int{10, 300} {
		withSessions(t, func(t *testing.T, srv *osstest.Server) {
			u := anUploader(srv, multipart.Options{})
			opts := &oss.ObjectOptions{ContentType: "text/a", ForbidOverwrite: true}
			cp := suspended(t, u.NewWriter(t.Context(), bucket, key, opts), data(size))
			if _, err := u.ContinueWriter(t.Context(), cp, &oss.ObjectOptions{ContentType: "text/b"}); err == nil {
				t.Error("other options are no error")
			}
			if size == 10 { // nothing was begun: the options are not in OSS yet
				if _, err := u.ContinueWriter(t.Context(), cp, nil); err == nil {
					t.Error("no options are no error")
				}
			} else {
				opts = nil
			}
			w, err := u.ContinueWriter(t.Context(), cp, opts)
			if err != nil {
				t.Fatal(err)
			}
			srv.PutObject(bucket, key, []byte("there before"))
			if err := w.Close(); !errors.Is(err, oss.ErrAlreadyExists) {
				t.Errorf("Close: %v", err)
			}
			if err := u.DiscardWriter(t.Context(), cp); err != nil {
				t.Error(err)
			}
		})
	}
}

// A Checkpoint may come from anywhere. None may make a Writer panic or send a request that means something else.
func anImpossibleCheckpointIsRefused(t *testing.T) {
	withSessions(t, func(t *testing.T, srv *osstest.Server) {
		u := anUploader(srv, multipart.Options{})
		good := suspended(t, u.NewWriter(t.Context(), bucket, key, nil), data(800))
		for name, change := range map[string]func(cp *multipart.Checkpoint){
			"no bucket":       func(cp *multipart.Checkpoint) { cp.Upload.Bucket = "" },
			"no key":          func(cp *multipart.Checkpoint) { cp.Upload.Key = "" },
			"no upload":       func(cp *multipart.Checkpoint) { cp.Upload.ID = "" },
			"negative parts":  func(cp *multipart.Checkpoint) { cp.Parts = -1 },
			"many parts":      func(cp *multipart.Checkpoint) { cp.Parts = 10001 },
			"fewer parts":     func(cp *multipart.Checkpoint) { cp.Parts-- },
			"no parts":        func(cp *multipart.Checkpoint) { cp.Parts = 0 },
			"more parts":      func(cp *multipart.Checkpoint) { cp.Parts++ },
			"another size":    func(cp *multipart.Checkpoint) { cp.Size++ },
			"negative size":   func(cp *multipart.Checkpoint) { cp.Size = -1 },
			"another tail":    func(cp *multipart.Checkpoint) { cp.Tail[0]++ },
			"no tail":         func(cp *multipart.Checkpoint) { cp.Size -= int64(len(cp.Tail)); cp.Tail = nil },
			"another CRC-64":  func(cp *multipart.Checkpoint) { cp.CRC64++ },
			"no part size":    func(cp *multipart.Checkpoint) { cp.PartSize = 0 },
			"large part size": func(cp *multipart.Checkpoint) { cp.PartSize = 6 << 30 },
			"unproved":        func(cp *multipart.Checkpoint) { cp.Unproved = 801 },
		} {
			cp := throughJSON(t, good)
			change(cp)
			if _, err := u.ContinueWriter(t.Context(), cp, nil); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if _, err := u.ContinueWriter(t.Context(), nil, nil); err == nil {
			t.Error("nil: no error")
		}
		if _, err := u.OpenWriter(t.Context(), oss.Upload{Bucket: bucket, Key: key}, nil); err == nil {
			t.Error("OpenWriter without an ID: no error")
		}
		if err := u.DiscardWriter(t.Context(), good); err != nil {
			t.Error(err)
		}
	})
}
