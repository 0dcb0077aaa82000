package ossblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func newBucket(t *testing.T) (*osstest.Server, *blob.Bucket) {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
	t.Cleanup(srv.Close)
	b, err := OpenBucket(srv.Client(), "bucket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return srv, b
}

func TestALargeBlobIsWrittenInParts(t *testing.T) {
	srv, b := newBucket(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum := md5.Sum(content)
	for name, write := range map[string]func() error{
		"written": func() error { return b.WriteAll(t.Context(), "written", content, nil) },
		"uploaded": func() error {
			return b.Upload(t.Context(), "uploaded", file, &blob.WriterOptions{ContentType: "text/x"})
		},
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if n := len(srv.Requests("UploadPart")); n < 2 {
			t.Errorf("%s in %d parts", name, n)
		}
		got, err := b.ReadAll(t.Context(), name)
		if err != nil || md5.Sum(got) != sum {
			t.Errorf("ReadAll(%q) = %d bytes, %v", name, len(got), err)
		}
		a, err := b.Attributes(t.Context(), name)
		if err != nil || a.MD5 != nil || a.Size != int64(len(content)) {
			t.Errorf("Attributes(%q) = %+v, %v, want no MD5: the ETag of parts is none", name, a, err)
		}
	}
	if err := b.WriteAll(t.Context(), "small", content[:100], nil); err != nil {
		t.Fatal(err)
	}
	sum = md5.Sum(content[:100])
	if a, err := b.Attributes(t.Context(), "small"); err != nil || !bytes.Equal(a.MD5, sum[:]) {
		t.Errorf("Attributes of a small blob = %+v, %v, want the MD5 %x", a, err, sum)
	}
}

func TestABlobThatIsNotWrittenToTheEndIsNone(t *testing.T) {
	srv, b := newBucket(t)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := b.NewWriter(ctx, "canceled", &blob.WriterOptions{ContentType: "text/x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Close(); !errors.Is(err, context.Canceled) || gcerrors.Code(err) != gcerrors.Canceled {
		t.Errorf("Close = %v with code %v, want Canceled", err, gcerrors.Code(err))
	}
	broken := io.MultiReader(bytes.NewReader(make([]byte, 12<<20)), iotest.ErrReader(io.ErrClosedPipe))
	err = b.Upload(t.Context(), "broken", broken, &blob.WriterOptions{ContentType: "text/x"})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Upload = %v, want the error of the reader", err)
	}
	for _, key := range []string{"canceled", "broken"} {
		if exists, err := b.Exists(t.Context(), key); exists || err != nil {
			t.Errorf("%s exists: %t, %v", key, exists, err)
		}
	}
	if n := len(srv.Uploads()); n != 0 {
		t.Errorf("%d unfinished uploads are left", n)
	}
}

// The reply to the write that made the blob is lost. Its repetition finds the blob, which is no failed precondition.
func TestIfNotExistSurvivesALostReply(t *testing.T) {
	srv, b := newBucket(t)
	lost := srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()})
	opts := &blob.WriterOptions{IfNotExist: true}
	if err := b.WriteAll(t.Context(), "key", []byte("mine"), opts); err != nil || lost.Fired() != 1 {
		t.Errorf("WriteAll = %v after %d lost replies", err, lost.Fired())
	}
	err := b.WriteAll(t.Context(), "key", []byte("yours"), opts)
	if gcerrors.Code(err) != gcerrors.FailedPrecondition {
		t.Errorf("second WriteAll = %v", err)
	}
}

func TestCodesOfErrors(t *testing.T) {
	srv, b := newBucket(t)
	srv.PutObject("bucket", "key", []byte("0123456789"))
	for _, tt := range []struct {
		status int
		code   oss.Code
		want   gcerrors.ErrorCode
	}{
		{403, oss.ErrAccessDenied, gcerrors.PermissionDenied},
		{403, oss.ErrSignatureMismatch, gcerrors.PermissionDenied},
		{403, "InvalidObjectState", gcerrors.FailedPrecondition},
		{404, oss.ErrNoSuchBucket, gcerrors.NotFound},
		{404, "SymlinkTargetNotExist", gcerrors.NotFound},
		{409, "ObjectNotAppendable", gcerrors.FailedPrecondition},
		{412, "PreconditionFailed", gcerrors.FailedPrecondition},
		{400, "InvalidArgument", gcerrors.InvalidArgument},
		{501, "NotImplemented", gcerrors.Internal},
	} {
		fault := srv.Inject(osstest.Fault{Effect: osstest.Fail(tt.status, tt.code)})
		_, err := b.ReadAll(t.Context(), "key")
		if got := gcerrors.Code(err); got != tt.want {
			t.Errorf("%d %s has the code %v, want %v", tt.status, tt.code, got, tt.want)
		}
		fault.Remove()
	}
	_, err := b.NewRangeReader(t.Context(), "key", 10, -1, nil)
	if got := gcerrors.Code(err); got != gcerrors.InvalidArgument {
		t.Errorf("reading from behind the end has the code %v: %v", got, err)
	}
	if err := b.WriteAll(t.Context(), "/key", nil, nil); err == nil || !strings.Contains(err.Error(), "slash") {
		t.Errorf("writing /key = %v", err)
	}
}

func TestACopyCanHaveOtherProperties(t *testing.T) {
	_, b := newBucket(t)
	opts := &blob.WriterOptions{Metadata: map[string]string{"a": "b"}}
	if err := b.WriteAll(t.Context(), "key", nil, opts); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		before func(func(any) bool) error
		want   map[string]string
	}{
		{nil, map[string]string{"a": "b"}},
		{func(as func(any) bool) error {
			var properties *oss.ObjectOptions
			if as(&properties) {
				properties.Metadata = map[string]string{"c": "d"}
			}
			return nil
		}, map[string]string{"c": "d"}},
	} {
		if err := b.Copy(t.Context(), "copy", "key", &blob.CopyOptions{BeforeCopy: tt.before}); err != nil {
			t.Fatal(err)
		}
		a, err := b.Attributes(t.Context(), "copy")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, a.Metadata); diff != "" {
			t.Errorf("metadata of the copy (-want +got):\n%s", diff)
		}
	}
}

// Otherwise the type is that of the extension, which a caller who disables its detection does not want either.
func TestContentTypesAreNotDetectedIfDisabled(t *testing.T) {
	_, b := newBucket(t)
	opts := &blob.WriterOptions{DisableContentTypeDetection: true}
	if err := b.WriteAll(t.Context(), "page.html", []byte("<html>"), opts); err != nil {
		t.Fatal(err)
	}
	a, err := b.Attributes(t.Context(), "page.html")
	if err != nil || a.ContentType != "application/octet-stream" {
		t.Errorf("Attributes = %+v, %v", a, err)
	}
}

func TestNamesOfMetadata(t *testing.T) {
	for name, want := range map[string]string{
		"plain":     "plain",
		"a-b":       "a-b",
		"key_a":     "key--5fa",
		"a--b":      "a--2d-b",
		"-a-":       "-a--2d",
		"a-_b":      "a--2d--5fb",
		"\u00e9":    "--c3--a9",
		"--5f":      "--2d-5f",
		"x.y z\x00": "x--2ey--20z--00",
	} {
		if got := encodeName(name); got != want || decodeName(got) != name {
			t.Errorf("encodeName(%q) = %q, which decodes to %q, want %q", name, got, decodeName(got), want)
		}
	}
	for _, foreign := range []string{"a--", "a--z", "a--zz", "--ff", "a--5"} {
		if got := decodeName(foreign); got != foreign {
			t.Errorf("decodeName(%q) = %q, want it unchanged", foreign, got)
		}
	}
	if got := decodeValue("100%"); got != "100%" {
		t.Errorf("decodeValue of a foreign value = %q", got)
	}
}

// Names and values come back as they were, and OSS takes what was made of them.
func FuzzMetadata(f *testing.F) {
	f.Add("name", "value")
	f.Add("a--b_-", "100% \u00e9\n")
	f.Fuzz(func(t *testing.T, name, value string) {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			t.Skip()
		}
		encoded := encodeName(name)
		if got := decodeName(encoded); got != name {
			t.Errorf("decodeName(%q) = %q, want %q", encoded, got, name)
		}
		if strings.Trim(encoded, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Errorf("encodeName(%q) = %q", name, encoded)
		}
		header := encodeValue(value)
		if got := decodeValue(header); got != value {
			t.Errorf("decodeValue(%q) = %q, want %q", header, got, value)
		}
		if strings.ContainsFunc(header, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("encodeValue(%q) = %q", value, header)
		}
	})
}

func TestURLs(t *testing.T) {
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
	defer srv.Close()
	mux := new(blob.URLMux)
	mux.RegisterBucket(Scheme, &URLOpener{Config: oss.Config{
		Region: "cn-hangzhou", Credentials: osstest.TestCredentials(), HTTPClient: srv.HTTPClient(),
	}})
	for _, tt := range []struct{ url, host string }{
		{"oss://bucket", "bucket.oss-cn-hangzhou.aliyuncs.com"},
		{"oss://bucket/", "bucket.oss-cn-hangzhou.aliyuncs.com"},
		{"oss://bucket?kind=internal", "bucket.oss-cn-hangzhou-internal.aliyuncs.com"},
		{"oss://bucket?region=cn-hangzhou&kind=accelerate", "bucket.oss-accelerate.aliyuncs.com"},
		{"oss://bucket?endpoint=http://127.0.0.1:8080&addressing=path", "127.0.0.1:8080"},
		{"oss://bucket?prefix=a/", "bucket.oss-cn-hangzhou.aliyuncs.com"},
	} {
		b, err := mux.OpenBucket(t.Context(), tt.url)
		if err != nil {
			t.Errorf("OpenBucket(%s): %v", tt.url, err)
			continue
		}
		address, err := b.SignedURL(t.Context(), "key", nil)
		if err != nil || !strings.Contains(address, "://"+tt.host+"/") {
			t.Errorf("OpenBucket(%s) signs %s, %v, want the host %s", tt.url, address, err, tt.host)
		}
		if err := b.WriteAll(t.Context(), "key", nil, nil); err != nil {
			t.Errorf("WriteAll to %s: %v", tt.url, err)
		}
		b.Close()
	}
	if _, ok := srv.Object("bucket", "a/key"); !ok {
		t.Error("the prefix had no effect")
	}
	for _, bad := range []string{
		"oss://", "oss://Bucket", "oss://bucket/dir", "oss://key:secret@bucket", "oss://bucket?regoin=cn-hangzhou",
		"oss://bucket?kind=fast", "oss://bucket?addressing=0", "oss://bucket?region=hangzhou",
		"oss://bucket?anonymous=1",
		"oss://bucket?region=cn-hangzhou&region=cn-beijing", "oss://bucket?endpoint=ftp://host",
	} {
		if _, err := mux.OpenBucket(t.Context(), bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("OpenBucket(%s) = %v, want an error without keys", bad, err)
		}
	}
	if !blob.DefaultURLMux().ValidBucketScheme(Scheme) {
		t.Errorf("the scheme %s is not registered", Scheme)
	}
}

func TestAnonymousRequestsHaveNoSignature(t *testing.T) {
	srv := osstest.NewServer(&osstest.Options{PublicBuckets: []string{"public"}})
	defer srv.Close()
	opener := &URLOpener{Config: oss.Config{HTTPClient: srv.HTTPClient()}}
	mux := new(blob.URLMux)
	mux.RegisterBucket(Scheme, opener)
	b, err := mux.OpenBucket(t.Context(), "oss://public?region=cn-hangzhou&anonymous=true")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.WriteAll(t.Context(), "key", nil, nil); err != nil {
		t.Error(err)
	}
	for _, r := range srv.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s is signed", r.Op)
		}
	}
	if opener.Config.Region != "" || opener.Config.Credentials != nil {
		t.Error("a URL has changed the opener")
	}
}

func TestSignedURLsWithOptions(t *testing.T) {
	srv, b := newBucket(t)
	srv.PutObject("bucket", "key", []byte("text"))
	address, err := b.SignedURL(t.Context(), "key", &blob.SignedURLOptions{BeforeSign: func(as func(any) bool) error {
		var get *oss.GetOptions
		if as(&get) {
			get.Response.ContentDisposition = "attachment"
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.HTTPClient().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("GET = %s with %q", resp.Status, resp.Header.Get("Content-Disposition"))
	}
}
