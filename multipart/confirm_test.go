package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// e1: the upload is gone, aborted by another program, and an equal object stands there. It is ours only if it is not
// older than our last request and has the properties that were asked for.
func anEqualObjectOfAnotherProgramIsNotOurs(t *testing.T) {
	const size = 250
	put := func(srv *osstest.Server, opts *oss.ObjectOptions) error {
		_, err := srv.Client().PutObject(context.Background(), bucket, key, bytes.NewReader(data(size)), opts)
		return err
	}
	for _, tt := range []struct {
		name   string
		opts   *oss.ObjectOptions // ours
		theirs *oss.ObjectOptions
		age    time.Duration // of theirs when we complete
		want   string        // part of the error; "" means success
	}{
		{"older", nil, nil, 10 * time.Second, "the key holds an equal object since 2000-01-01T00:00:"},
		{"older, and none may be replaced", &oss.ObjectOptions{ForbidOverwrite: true}, nil,
			10 * time.Second, "before this upload"},
		{"with other metadata", &oss.ObjectOptions{Metadata: map[string]string{"Owner": "us"}},
			&oss.ObjectOptions{Metadata: map[string]string{"owner": "them"}}, 0,
			`X-Oss-Meta-Owner is "them" and not "us"`},
		{"without metadata", &oss.ObjectOptions{Metadata: map[string]string{"Owner": "us"}}, nil, 0,
			`X-Oss-Meta-Owner is "" and not "us"`},
		{"of another type", &oss.ObjectOptions{ContentType: "text/a"}, &oss.ObjectOptions{ContentType: "text/b"}, 0,
			`Content-Type is "text/b" and not "text/a"`},
		{"of another class", &oss.ObjectOptions{StorageClass: "IA"}, nil, 0,
			`X-Oss-Storage-Class is "Standard" and not "IA"`},
		{"the same in all that can be seen",
			&oss.ObjectOptions{ContentType: "text/a", Metadata: map[string]string{"Owner": "us"}},
			&oss.ObjectOptions{ContentType: "text/a", Metadata: map[string]string{"owner": "us"}}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.Drop()})
				abort := func() {
					if err := srv.Client().AbortMultipartUpload(context.Background(),
						srv.Uploads()[0].Upload); err != nil {
						t.Error(err)
					}
				}
				theirs := func() {
					if err := put(srv, tt.theirs); err != nil {
						t.Error(err)
					}
					time.Sleep(tt.age) // in the bubble
				}
				c := client(t, srv, func(cfg *oss.Config) {
					begin, complete := onFirst("UploadPart", theirs), onFirst("CompleteMultipartUpload", abort)
					cfg.Hooks.OnStart = func(ctx context.Context, op oss.Operation) context.Context {
						return complete(begin(ctx, op), op)
					}
				})
				// one part at a time meets the hook
				up := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1})
				_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(size)), tt.opts)
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
				} else if !errors.Is(err, multipart.ErrOutcomeUnknown) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error is %v, want an unknown outcome: %s", err, tt.want)
				}
			})
		})
	}
}

// e1: the same of an object that one request makes.
func anEqualSmallObjectOfAnotherProgramIsNotOurs(t *testing.T) {
	for _, forbid := range []bool{false, true} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			theirs := &oss.ObjectOptions{Metadata: map[string]string{"owner": "them"}}
			if _, err := srv.Client().PutObject(t.Context(), bucket, key,
				bytes.NewReader(data(50)), theirs); err != nil {
				t.Fatal(err)
			}
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.Drop()})
			srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
			opts := &oss.ObjectOptions{Metadata: map[string]string{"owner": "us"}, ForbidOverwrite: forbid}
			_, err := multipart.NewUploader(srv.Client(), settings(100)).Upload(t.Context(), bucket, key,
				bytes.NewReader(data(50)), opts)
			if !errors.Is(err, oss.ErrAccessDenied) || errors.Is(err, multipart.ErrOutcomeUnknown) {
				t.Errorf("error is %v, want the refusal", err)
			}
		})
	}
}

// e1: an equal object that is older than the upload does not end its resumption.
func anEqualObjectOlderThanTheUploadDoesNotEndItsResumption(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, data(950))
		time.Sleep(time.Minute) // in the bubble
		up, p := begun(t, srv, data(950), 1)
		if err := srv.Client().AbortMultipartUpload(t.Context(), p.Upload); err != nil {
			t.Fatal(err)
		}
		if res, err := up.Resume(t.Context(), p, bytes.NewReader(data(950))); !errors.Is(err, oss.ErrNoSuchUpload) {
			t.Errorf("Resume = %+v, %v", res, err)
		}
		p.Begun, p.ForbidOverwrite = time.Time{}, true
		if res, err := up.Resume(t.Context(), p, bytes.NewReader(data(950))); !errors.Is(err, oss.ErrNoSuchUpload) {
			t.Errorf("Resume of a plan of unknown age that forbids overwriting = %+v, %v", res, err)
		}
	})
	// with a Store the upload is begun anew, with its own metadata
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		s.interrupted(t)
		if err := srv.Client().AbortMultipartUpload(t.Context(), srv.Uploads()[0].Upload); err != nil {
			t.Fatal(err)
		}
		srv.PutObject(bucket, key, data(950)) // newer, and without the type of ours
		opts := &oss.ObjectOptions{ContentType: "text/ours"}
		_, err := s.uploadWith(t, opts)
		if obj, _ := srv.Object(bucket, key); err != nil || obj.Header.Get("Content-Type") != "text/ours" {
			t.Errorf("error %v, the object is %v", err, obj.Header)
		}
	})
}

// The usual way to change the headers of an object is to copy it onto itself, or to put the same bytes again.
func TestAnEqualObjectThatStoodThereBeforeIsNotTakenForOurs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		op      string
		fault   osstest.Fault
		opts    oss.ObjectOptions
		want    error
		changed bool
	}{
		{"put that never arrived", "PutObject", osstest.Fault{Effect: osstest.Hang()},
			oss.ObjectOptions{ContentType: "text/new"}, multipart.ErrOutcomeUnknown, false},
		{"put whose reply was lost", "PutObject", osstest.Fault{Effect: osstest.LoseReply()},
			oss.ObjectOptions{ContentType: "text/new"}, nil, true},
		{"put that was lost, and then refused", "PutObject", osstest.Fault{Times: 1, Effect: osstest.Hang()},
			oss.ObjectOptions{ContentType: "text/new", ForbidOverwrite: true}, oss.ErrAlreadyExists, false},
		{"copy that never arrived", "CopyObject", osstest.Fault{Effect: osstest.Drop()},
			oss.ObjectOptions{ContentType: "text/new"}, multipart.ErrOutcomeUnknown, false},
		{"copy whose reply was lost", "CopyObject", osstest.Fault{Effect: osstest.LoseReply()},
			oss.ObjectOptions{ContentType: "text/new"}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				srv.PutObject(bucket, key, data(50))
				time.Sleep(time.Minute) // of the bubble
				tt.fault.Op = tt.op
				srv.Inject(tt.fault)
				up := multipart.NewUploader(srv.Client(), settings(100))
				var err error
				if tt.op == "PutObject" {
					_, err = up.Upload(t.Context(), bucket, key, bytes.NewReader(data(50)), &tt.opts)
				} else {
					_, err = up.Copy(t.Context(), bucket, key, oss.CopySource{Bucket: bucket, Key: key}, &tt.opts)
				}
				if !errors.Is(err, tt.want) {
					t.Errorf("error is %v, want %v", err, tt.want)
				}
				if obj, _ := srv.Object(bucket, key); (obj.Header.Get("Content-Type") == "text/new") != tt.changed {
					t.Errorf("the object has the headers %v", obj.Header)
				}
			})
		})
	}
}
