package oss_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// small lets tests have parts of one byte and more.
var small = &osstest.Options{MinPartSize: 1}

func TestUploadBecomesAnObject(t *testing.T) {
	srv := newServer(t, small)
	c := srv.Client()
	up, err := c.InitiateMultipartUpload(t.Context(), "bucket", "page.html", &oss.ObjectOptions{
		ContentEncoding: "gzip", ContentDisposition: "attachment", ContentLanguage: "en", CacheControl: "no-cache",
		Expires:  time.Date(2027, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Metadata: map[string]string{"Author": "me"},
		Tags:     map[string]string{"b": "2 3", "a": "1+"}, StorageClass: "IA",
		Encryption: oss.Encryption{Algorithm: "KMS", KeyID: "id", DataAlgorithm: "SM4"},
		Header:     http.Header{"x-oss-lower": {"case"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Content-Encoding": "gzip", "Content-Disposition": "attachment", "Content-Language": "en",
		"Cache-Control": "no-cache",
		"Expires":       "Sat, 02 Jan 2027 02:04:05 GMT", "X-Oss-Meta-Author": "me", "X-Oss-Tagging": "a=1%2B&b=2%203",
		"X-Oss-Storage-Class":          "IA",
		"X-Oss-Server-Side-Encryption": "KMS", "X-Oss-Server-Side-Encryption-Key-Id": "id",
		"X-Oss-Server-Side-Data-Encryption": "SM4",
		"X-Oss-Lower":                       "case", "Content-Type": "text/html",
	}
	for name, value := range want {
		if got := srv.Requests("InitiateMultipartUpload")[0].Header.Get(name); got != value {
			t.Errorf("header %s is %q, want %q", name, got, value)
		}
	}

	var parts []oss.Part
	for _, p := range []struct {
		number int
		data   string
	}{{7, "world"}, {2, "hello, "}, {5, "not wanted"}} {
		part, err := c.UploadPart(t.Context(), up, p.number, strings.NewReader(p.data), nil)
		if err != nil {
			t.Fatal(err)
		}
		if part.Number != p.number || part.ETag != etag(p.data) || part.Size != int64(len(p.data)) || part.CRC64 == 0 {
			t.Errorf("part is %+v", part)
		}
		parts = append(parts, part)
	}
	res, err := c.CompleteMultipartUpload(t.Context(), up, parts[:2], nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, _ := srv.Object("bucket", "page.html")
	if string(obj.Data) != "hello, world" || res.ETag != obj.ETag || res.CRC64 != obj.CRC64 || res.RequestID == "" ||
		res.Header == nil {
		t.Errorf("CompleteMultipartUpload = %+v, object %q", res, obj.Data)
	}
	if parts[0].Number != 7 {
		t.Error("the caller's parts were sorted")
	}
	if left := srv.Uploads(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUploadIsPlainData(t *testing.T) {
	b, err := json.Marshal(upload)
	if want := `{"bucket":"bucket","key":"dir/key","uploadId":"0123456789ABCDEF"}`; string(b) != want || err != nil {
		t.Errorf("Marshal = %s, %v, want %s", b, err, want)
	}
	part := oss.Part{Number: 1, ETag: `"A"`, Size: 2, CRC64: 1<<63 + 1}
	b, err = json.Marshal(part)
	if want := `{"number":1,"etag":"\"A\"","size":2,"crc64":"9223372036854775809"}`; string(b) != want || err != nil {
		t.Errorf("Marshal = %s, %v, want %s", b, err, want)
	}
	var back oss.Part
	if err := json.Unmarshal(b, &back); err != nil || back != part {
		t.Errorf("Unmarshal = %+v, %v", back, err)
	}
	if got, want := upload.String(), "oss://bucket/dir/key?uploadId=0123456789ABCDEF"; got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
}

func TestInitiateWithoutAnUploadIDIsTriedAgain(t *testing.T) {
	const none = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket></InitiateMultipartUploadResult>"
	const half = "<InitiateMultipartUploadResult><UploadId>1</UploadId>"
	synctest.Test(t, func(t *testing.T) {
		s := play(says(200, half), says(200, none), says(200, half+"</InitiateMultipartUploadResult>"))
		up, err := s.client(t, oss.Config{}).InitiateMultipartUpload(t.Context(), "bucket", "key", nil)
		if want := (oss.Upload{Bucket: "bucket", Key: "key", ID: "1"}); up != want || err != nil {
			t.Errorf("InitiateMultipartUpload = %v, %v, want %v", up, err, want)
		}
		s = play(says(200, half))
		if up, err := s.client(t, oss.Config{}).InitiateMultipartUpload(t.Context(), "bucket", "key",
			nil); err == nil || up != (oss.Upload{}) {
			t.Errorf("InitiateMultipartUpload = %v, %v, want nothing and an error", up, err)
		}
	})
}

func TestCompleteOptionsReachTheServer(t *testing.T) {
	srv := newServer(t, small)
	c := srv.Client()
	up := begin(t, c, "key", 2, 1)
	res, err := c.CompleteMultipartUpload(t.Context(), up, nil,
		&oss.CompleteOptions{AllParts: true, ACL: "private", ForbidOverwrite: true})
	if err != nil || res.ETag == "" {
		t.Fatalf("CompleteMultipartUpload = %+v, %v", res, err)
	}
	r := srv.Requests("CompleteMultipartUpload")[0]
	if r.Size != 0 || r.Header.Get("x-oss-complete-all") != "yes" || r.Header.Get("x-oss-object-acl") != "private" ||
		r.Header.Get("x-oss-forbid-overwrite") != "true" {
		t.Errorf("%d bytes were sent with %v", r.Size, r.Header)
	}
	up = begin(t, c, "key", 1)
	_, err = c.CompleteMultipartUpload(t.Context(), up, nil,
		&oss.CompleteOptions{AllParts: true, ForbidOverwrite: true})
	if !errors.Is(err, oss.ErrAlreadyExists) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("CompleteMultipartUpload: %v, want ErrAlreadyExists", err)
	}
	if _, err = c.InitiateMultipartUpload(t.Context(), "bucket", "key",
		&oss.ObjectOptions{ForbidOverwrite: true}); !errors.Is(err, oss.ErrAlreadyExists) {
		t.Errorf("InitiateMultipartUpload: %v, want ErrAlreadyExists", err)
	}
}

func TestCompleteHandsOverTheAnswerOfACallback(t *testing.T) {
	s := play(says(200, `{"Status":"OK"}`, "ETag", `"A-1"`, "x-oss-hash-crc64ecma", "5", "x-oss-version-id", "V",
		"x-oss-request-id", "ID"))
	opts := &oss.CompleteOptions{Header: http.Header{"x-oss-callback": {"e30="}}}
	res, err := s.client(t, oss.Config{}).CompleteMultipartUpload(t.Context(), upload,
		[]oss.Part{{Number: 1, ETag: "A"}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	res.Header = nil
	want := &oss.PutResult{ETag: `"A-1"`, CRC64: 5, VersionID: "V", RequestID: "ID",
		Callback: []byte(`{"Status":"OK"}`)}
	if diff := cmp.Diff(want, res); diff != "" {
		t.Errorf("CompleteMultipartUpload (-want +got):\n%s", diff)
	}
}

func TestCatalogueR10UnreadableReplyToCompleteIsNeitherSuccessNorRepeated(t *testing.T) {
	for _, tt := range []struct {
		name, body, want string
	}{
		{"error document", "<Error><Code>InternalError</Code></Error>", "InternalError"},
		{"cut", "<CompleteMultipartUploadResult><ETag>", "unexpected EOF"},
		{"page", "<html>hello</html>", "hello"},
		{"nothing", "", "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, tt.body))
			res, err := s.client(t, oss.Config{}).CompleteMultipartUpload(t.Context(), upload,
				[]oss.Part{{Number: 1, ETag: "A"}}, nil)
			if res != nil || err == nil || !strings.Contains(err.Error(), "status 200") ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("CompleteMultipartUpload = %v, %v, want an error with %q", res, err, tt.want)
			}
			if n := len(s.messages()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestLostReplyToCompleteShowsInTheAttempts(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "key", 1)
	srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
	_, err := c.CompleteMultipartUpload(t.Context(), up, []oss.Part{{Number: 1, ETag: etag("x")}}, nil)
	var refused *oss.ServiceError
	if !errors.As(err, &refused) || !errors.Is(err, oss.ErrNoSuchUpload) || refused.Attempts != 2 {
		t.Errorf("CompleteMultipartUpload: %v, want ErrNoSuchUpload after 2 attempts", err)
	}
}

func TestAbortCanBeRepeated(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up := begin(t, c, "key", 1)
	srv.PutObject("bucket", "key", []byte("older"))
	for range 2 {
		if err := c.AbortMultipartUpload(t.Context(), up); err != nil {
			t.Error(err)
		}
	}
	if _, ok := srv.Object("bucket", "key"); !ok || len(srv.Uploads()) != 0 {
		t.Errorf("object there: %v, uploads: %v", ok, srv.Uploads())
	}
	if err := play(refuses(403, "AccessDenied")).client(t, oss.Config{}).AbortMultipartUpload(t.Context(),
		up); !errors.Is(err, oss.ErrAccessDenied) {
		t.Errorf("AbortMultipartUpload: %v, want ErrAccessDenied", err)
	}
}

func TestPartIsCopied(t *testing.T) {
	srv := newServer(t, small)
	c := srv.Client()
	srv.PutObject("source", "a b", []byte("0123456789"))
	up := begin(t, c, "key")
	for _, tt := range []struct {
		name string
		src  oss.CopySource
		opts *oss.CopyPartOptions
		want string
	}{
		{"whole", oss.CopySource{Bucket: "source", Key: "a b"}, nil, "0123456789"},
		{"range", oss.CopySource{Bucket: "source", Key: "a b", Offset: 2, Length: 3}, nil, "234"},
		{"to the end", oss.CopySource{Bucket: "source", Key: "a b", Offset: 7}, nil, "789"},
		{"from the start", oss.CopySource{Bucket: "source", Key: "a b", Length: 1}, nil, "0"},
		{"condition", oss.CopySource{Bucket: "source", Key: "a b"},
			&oss.CopyPartOptions{IfMatch: etag("0123456789"), TrafficLimit: 819200}, "0123456789"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			part, err := c.UploadPartCopy(t.Context(), up, 1, tt.src, tt.opts)
			if err != nil || part.Number != 1 || part.ETag != etag(tt.want) || part.LastModified.IsZero() {
				t.Errorf("UploadPartCopy = %+v, %v, want ETag %s", part, err, etag(tt.want))
			}
			if ranged := tt.src.Offset > 0 || tt.src.Length > 0; ranged && part.Size != int64(len(tt.want)) {
				t.Errorf("Size = %d, want %d", part.Size, len(tt.want))
			}
		})
	}
	_, err := c.UploadPartCopy(t.Context(), up, 1, oss.CopySource{Bucket: "source", Key: "a b"},
		&oss.CopyPartOptions{IfNoneMatch: etag("0123456789")})
	var refused *oss.ServiceError
	if !errors.As(err, &refused) || refused.StatusCode/100 < 3 {
		t.Errorf("UploadPartCopy of what matches: %v, want a refusal", err)
	}
}

func TestCopiedRangeThatWasNotHonouredIsAnError(t *testing.T) {
	const doc = `<CopyPartResult><ETag>"A"</ETag></CopyPartResult>`
	for _, tt := range []struct {
		name, got string
		ok        bool
	}{
		{"honoured", "bytes 2-4/10", true}, {"whole object", "", false}, {"elsewhere", "bytes 3-5/10", false},
		{"shorter", "bytes 2-3/10", false},
	} {
		s := play(says(200, doc, "Content-Range", tt.got))
		_, err := s.client(t, oss.Config{}).UploadPartCopy(t.Context(), upload, 1,
			oss.CopySource{Bucket: "b", Key: "k", Offset: 2, Length: 3}, nil)
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "bytes=2-4") {
			t.Errorf("%s: UploadPartCopy: %v", tt.name, err)
		}
	}
}

func TestPartOptionsReachTheServer(t *testing.T) {
	s := play(stores)
	opts := &oss.PartOptions{TrafficLimit: 819200, Header: http.Header{"x-oss-request-payer": {"requester"}}}
	if _, err := s.client(t, oss.Config{}).UploadPart(t.Context(), upload, 12, strings.NewReader("x"),
		opts); err != nil {
		t.Fatal(err)
	}
	m := s.messages()[0]
	if m.Header.Get("x-oss-traffic-limit") != "819200" || m.Header.Get("x-oss-request-payer") != "requester" ||
		!strings.HasSuffix(m.URL, "?partNumber=12&uploadId=0123456789ABCDEF") {
		t.Errorf("asked %s with %v", m.URL, m.Header)
	}
}
