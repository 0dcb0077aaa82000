package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// requestsAfter returns the operations of the requests after the first so many.
func requestsAfter(srv *osstest.Server, after int) (ops []string) {
	for _, r := range srv.Requests()[after:] {
		ops = append(ops, r.Op)
	}
	return ops
}

// An upload is skipped after one HeadObject if the object has the size, the CRC-64 and all properties that the options
// request. In all other cases the source is uploaded, and no comparison is made that could not succeed.
func TestSkipIdenticalSkipsOnlyWhatIsIdentical(t *testing.T) {
	content, properties := data(250), &oss.ObjectOptions{
		ContentType: "text/plain", CacheControl: "no-cache", Expires: time.Unix(2e9, 0), StorageClass: oss.StorageIA,
		Metadata: map[string]string{"origin": "here"}, Encryption: oss.Encryption{Algorithm: oss.EncryptAES256},
	}
	parts := []string{"InitiateMultipartUpload", "UploadPart", "UploadPart", "UploadPart", "CompleteMultipartUpload"}
	head := []string{"HeadObject"}
	tests := []struct {
		name    string
		there   []byte             // nil means that there is no object
		as      *oss.ObjectOptions // of the object
		source  io.Reader          // nil means the content
		opts    *oss.ObjectOptions
		want    []string
		skipped bool
	}{
		{"same bytes", content, nil, nil, nil, head, true},
		{"same bytes, and properties that are not requested", content, properties, nil, nil, head, true},
		{"same properties", content, properties, nil, properties, head, true},
		{"same properties as headers", content, properties, nil, &oss.ObjectOptions{Header: http.Header{
			"X-Oss-Meta-Origin": {"here"}, "cache-control": {"no-cache"}, "x-oss-storage-class": {"IA"},
			"X-Oss-Traffic-Limit": {"819200"}, "x-oss-request-payer": {"requester"}}}, head, true},
		{"no object", nil, nil, nil, nil, append(head, parts...), false},
		{"another size", content[1:], nil, nil, nil, append(head, parts...), false},
		{"other bytes", append([]byte("x"), content[1:]...), nil, nil, nil, append(head, parts...), false},
		{"another content type", content, properties, nil, &oss.ObjectOptions{ContentType: "text/html"},
			append(head, parts...), false},
		{"other metadata", content, properties, nil, &oss.ObjectOptions{Metadata: map[string]string{"origin": "there"}},
			append(head, parts...), false},
		{"another class", content, nil, nil, &oss.ObjectOptions{StorageClass: oss.StorageIA},
			append(head, parts...), false},
		{"encryption", content, nil, nil, &oss.ObjectOptions{Encryption: oss.Encryption{Algorithm: oss.EncryptAES256}},
			append(head, parts...), false},
		{"tags, which HeadObject does not tell", content, nil, nil,
			&oss.ObjectOptions{Tags: map[string]string{"a": "b"}}, parts, false},
		{"an ACL", content, nil, nil, &oss.ObjectOptions{ACL: oss.ACLPrivate}, parts, false},
		{"an unknown header", content, nil, nil, &oss.ObjectOptions{Header: http.Header{"X-Oss-Tagging": {"a=b"}}},
			parts, false},
		{"a stream", content, nil, plainReader{bytes.NewReader(content)}, nil, parts, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				if test.there != nil {
					_, err := srv.Client().PutObject(t.Context(), bucket, key, bytes.NewReader(test.there), test.as)
					if err != nil {
						t.Fatal(err)
					}
				}
				before := len(srv.Requests())
				opts := &multipart.Options{PartSize: 100, Concurrency: 1, SkipIdentical: true}
				u := multipart.NewUploader(srv.Client(), opts)
				src := test.source
				if src == nil {
					src = bytes.NewReader(content)
				}
				res, err := u.Upload(t.Context(), bucket, key, src, test.opts)
				wantObject(t, srv, content, res, err)
				got := requestsAfter(srv, before)
				if fmt.Sprint(got) != fmt.Sprint(test.want) || res.Skipped != test.skipped {
					t.Errorf("skipped %v, with %v, want %v with %v", res.Skipped, got, test.skipped, test.want)
				}
			})
		})
	}
}

// An object that must not exist is not skipped: the upload fails as it would without SkipIdentical.
func TestSkipIdenticalKeepsForbidOverwrite(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, []byte("same"))
		u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
		opts := &oss.ObjectOptions{ForbidOverwrite: true}
		_, err := u.Upload(t.Context(), bucket, key, strings.NewReader("same"), opts)
		if !errors.Is(err, oss.ErrAlreadyExists) {
			t.Errorf("error is %v, want %v", err, oss.ErrAlreadyExists)
		}
	})
}

// An empty object has the CRC-64 0, which elsewhere means that OSS does not tell one.
func TestSkipIdenticalSkipsAnEmptyFile(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, nil)
		u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
		res, err := u.Upload(t.Context(), bucket, key, bytes.NewReader(nil), nil)
		wantObject(t, srv, nil, res, err)
		if !res.Skipped {
			t.Error("it was uploaded")
		}
	})
}

// A comparison that fails is an error and not an upload, and leaves nothing.
func TestSkipIdenticalReportsAComparisonThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "HeadObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
		_, err := u.Upload(t.Context(), bucket, key, strings.NewReader("text"), nil)
		wantNothing(t, srv, err, oss.ErrAccessDenied)
	})
}

// A file that changes while it is compared is not skipped: what was read may never have been in it.
func TestSkipIdenticalNoticesAFileThatChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		f := tempFile(t, []byte("same"))
		srv.PutObject(bucket, key, []byte("same"))
		srv.Inject(osstest.Fault{Op: "HeadObject", Effect: osstest.Delay(time.Second)})
		u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
		time.AfterFunc(time.Second/2, func() { // in the bubble
			if err := os.Chtimes(f.Name(), time.Time{}, time.Unix(1e9, 0)); err != nil {
				t.Error(err)
			}
		})
		_, err := u.UploadFile(t.Context(), bucket, key, f.Name(), nil)
		if !errors.Is(err, multipart.ErrSourceChanged) {
			t.Errorf("error is %v, want %v", err, multipart.ErrSourceChanged)
		}
	})
}

// A record of an upload that is not needed any more does not stay, and neither does its upload.
func TestSkipIdenticalEndsTheUploadOfARecord(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		content := data(250)
		f := tempFile(t, content)
		store := &memoryStore{plans: make(map[string]multipart.Plan)}
		refuse := osstest.Fail(403, oss.ErrAccessDenied)
		fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: refuse})
		opts := multipart.Options{PartSize: 100, Store: store, SkipIdentical: true}
		u := multipart.NewUploader(srv.Client(), &opts)
		if _, err := u.UploadFile(t.Context(), bucket, key, f.Name(), nil); err == nil {
			t.Fatal("the first call succeeded")
		}
		fault.Remove()
		srv.PutObject(bucket, key, content)
		res, err := u.UploadFile(t.Context(), bucket, key, f.Name(), nil)
		wantObject(t, srv, content, res, err)
		if !res.Skipped || len(store.plans) > 0 {
			t.Errorf("skipped %v, %d records are left", res.Skipped, len(store.plans))
		}
	})
}

// The progress of a skipped upload ends as that of any other.
func TestSkipIdenticalReportsProgress(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, []byte("same"))
		var last multipart.Progress
		u := multipart.NewUploader(srv.Client(), &multipart.Options{
			SkipIdentical: true, Progress: func(p multipart.Progress) { last = p },
		})
		if _, err := u.Upload(t.Context(), bucket, key, strings.NewReader("same"), nil); err != nil {
			t.Fatal(err)
		}
		if last.Done != 4 || last.Total != 4 {
			t.Errorf("progress ends with %+v", last)
		}
	})
}
