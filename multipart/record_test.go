package multipart_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// uploadWith is upload with options of the object.
func (s *session) uploadWith(t *testing.T, opts *oss.ObjectOptions) (*multipart.Result, error) {
	t.Helper()
	up := multipart.NewUploader(s.srv.Client(),
		&multipart.Options{PartSize: 100, Concurrency: 1, Store: multipart.DirStore(s.dir)})
	return up.UploadFile(t.Context(), bucket, key, s.path, opts)
}

// BR41, R2: an upload keeps what InitiateMultipartUpload was told, so a call with other options does not continue it.
func aCallWithOtherOptionsBeginsAnew(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	first := oss.ObjectOptions{ContentType: "text/a", Metadata: map[string]string{"Color": "red"}, Expires: expires,
		Header: http.Header{"x-oss-request-payer": {"requester"}}}
	for _, tt := range []struct {
		name   string
		change func(*oss.ObjectOptions)
		anew   bool
	}{
		{"the same", func(*oss.ObjectOptions) {}, false},
		{"the same in other words", func(o *oss.ObjectOptions) {
			o.Metadata = map[string]string{"color": "red"}
			o.Expires = expires.In(time.FixedZone("", 3600))
			o.Tags = map[string]string{}
		}, false},
		{"an ACL, which Complete takes", func(o *oss.ObjectOptions) { o.ACL = "private" }, false},
		{"a payer", func(o *oss.ObjectOptions) { o.Header = nil }, false},
		{"type", func(o *oss.ObjectOptions) { o.ContentType = "text/b" }, true},
		{"encoding", func(o *oss.ObjectOptions) { o.ContentEncoding = "gzip" }, true},
		{"metadata", func(o *oss.ObjectOptions) { o.Metadata = map[string]string{"color": "blue"} }, true},
		{"tags", func(o *oss.ObjectOptions) { o.Tags = map[string]string{"a": "b"} }, true},
		{"class", func(o *oss.ObjectOptions) { o.StorageClass = "IA" }, true},
		{"encryption", func(o *oss.ObjectOptions) { o.Encryption.Algorithm = "AES256" }, true},
		{"expiry", func(o *oss.ObjectOptions) { o.Expires = expires.Add(time.Hour) }, true},
		{"a header", func(o *oss.ObjectOptions) { o.Header = http.Header{"x-oss-storage-class": {"IA"}} }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				s := newSession(t, srv, data(950))
				fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4,
					Effect: osstest.Fail(403, oss.ErrAccessDenied)})
				if _, err := s.uploadWith(t, &first); err == nil {
					t.Fatal("the first call succeeded")
				}
				fault.Remove()
				second := first
				tt.change(&second)
				res, err := s.uploadWith(t, &second)
				wantObject(t, srv, data(950), res, err)
				if anew := res.Reused == 0; anew != tt.anew || s.records(t) != 0 {
					t.Errorf("%d parts were reused, want a new upload: %v; %d records are left",
						res.Reused, tt.anew, s.records(t))
				}
				obj, _ := srv.Object(bucket, key)
				for name, want := range map[string]string{
					"Content-Type": second.ContentType, "Content-Encoding": second.ContentEncoding,
					"X-Oss-Meta-Color":             second.Metadata["color"] + second.Metadata["Color"],
					"X-Oss-Server-Side-Encryption": second.Encryption.Algorithm,
				} {
					if got := obj.Header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
			})
		})
	}
}

// BR41: a record of an earlier version of this package, which has no digest, names an upload begun with unknown
// options.
func aRecordWithoutADigestOfItsOptionsIsNotContinued(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		s := newSession(t, srv, data(950))
		_, p := begun(t, srv, data(950), 1, 2)
		p.Options = ""
		if err := multipart.DirStore(s.dir).Save(t.Context(), "oss://"+bucket+"/"+key+" from "+s.path, p); err != nil {
			t.Fatal(err)
		}
		s.wantResumed(t, data(950), 100, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	})
}

// The digest of options is in a file, so the options cannot be read off it.
func TestARecordShowsNoOption(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		p, err := multipart.NewUploader(srv.Client(), settings(100)).Begin(t.Context(), bucket, key, 950,
			&oss.ObjectOptions{Metadata: map[string]string{"owner": "alice"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Options) != 32 || strings.Contains(p.Options, "alice") || p.Begun.IsZero() {
			t.Errorf("the plan is %+v", p)
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}
