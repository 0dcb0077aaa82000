package multipart

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// instantOSS is a transport that stores nothing and answers at once: what is measured through it is the
// client alone. All parts hold the same bytes, so that their sums are
// computed once. Its clock stands still.
type instantOSS struct {
	part, whole http.Header // replies to UploadPart and to PutObject, and to Complete
}

// Replies as OSS writes them.
const (
	initiatedText = `<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>key</Key>` +
		`<UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId></InitiateMultipartUploadResult>`
	completedText = `<?xml version="1.0" encoding="UTF-8"?>
<CompleteMultipartUploadResult><Location>http://host/key</Location><Bucket>bucket</Bucket>` +
		`<Key>key</Key><ETag>"any"</ETag></CompleteMultipartUploadResult>`
)

// newInstantOSS expects objects of n parts that each hold the bytes of part.
func newInstantOSS(part []byte, n int) *instantOSS {
	same := oss.Part{ETag: fmt.Sprintf(`"%X"`, md5.Sum(part)), Size: int64(len(part)), CRC64: crc64.Checksum(part)}
	parts := make([]oss.Part, n)
	for i := range parts {
		parts[i] = same
	}
	want := expect(parts)
	header := func(etag string, crc uint64) http.Header {
		return http.Header{"Etag": {etag}, "X-Oss-Hash-Crc64ecma": {strconv.FormatUint(crc, 10)},
			"X-Oss-Request-Id": {"5C3D9175B6FC201293AD4890"}}
	}
	return &instantOSS{part: header(same.ETag, same.CRC64), whole: header(want.etag, want.crc)}
}

func (o *instantOSS) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: o.part, Body: http.NoBody}
	if r.Method == http.MethodPost {
		text := completedText
		if resp.Header = o.whole; r.URL.Query().Has("uploads") {
			text = initiatedText
		}
		resp.Body = io.NopCloser(bytes.NewReader([]byte(text)))
	}
	return resp, nil
}

// uploader returns an Uploader on o that takes parts of any size.
func (o *instantOSS) uploader(t testing.TB, opts *Options) *Uploader {
	t.Helper()
	at := time.Unix(1781728236, 0)
	c, err := oss.NewClient(oss.Config{
		Region: "cn-hangzhou", Credentials: oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"},
		MinPartSize: 1,
		HTTPClient:  &http.Client{Transport: o}, Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	return NewUploader(c, opts)
}

// InstantUploader returns an Uploader whose service answers at once, for objects of n parts that each hold the bytes of
// part.
func InstantUploader(t testing.TB, part []byte, n int, opts *Options) *Uploader {
	return newInstantOSS(part, n).uploader(t, opts)
}
