package multipart_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// inverting stores something else than its file holds, as a type does that encrypts. ReadAt and Seek are the file's.
type inverting struct{ *os.File }

func (f inverting) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	for i := range p[:n] {
		p[i] ^= 0xff
	}
	return n, err
}

// invertingBytes is the same around a *bytes.Reader.
type invertingBytes struct{ *bytes.Reader }

func (r invertingBytes) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	for i := range p[:n] {
		p[i] ^= 0xff
	}
	return n, err
}

// seeking implements ReadAt by moving its offset, as some file systems in memory and over networks do.
type seeking struct {
	b   []byte
	off int64
}

func (s *seeking) Read(p []byte) (int, error) {
	if s.off >= int64(len(s.b)) {
		return 0, io.EOF
	}
	n := copy(p, s.b[s.off:])
	s.off += int64(n)
	return n, nil
}

func (s *seeking) Seek(off int64, whence int) (int64, error) {
	s.off = off + map[int]int64{io.SeekStart: 0, io.SeekCurrent: s.off, io.SeekEnd: int64(len(s.b))}[whence]
	return s.off, nil
}

func (s *seeking) ReadAt([]byte, int64) (int, error) { panic("read in place") }

// BR30, bug 16: a reader is read in place only if its type is known to allow it.
func onlyKnownTypesAreReadInPlace(t *testing.T) {
	plain, inverted := data(950), data(950)
	for i := range inverted {
		inverted[i] ^= 0xff
	}
	for _, sum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64, oss.ChecksumNone} {
		for _, tt := range []struct {
			name string
			src  func(t *testing.T) io.Reader
			want []byte
		}{
			{"a type that embeds *os.File", func(t *testing.T) io.Reader { return inverting{tempFile(t, plain)} },
				inverted},
			{"a pointer to one", func(t *testing.T) io.Reader { return &inverting{tempFile(t, plain)} }, inverted},
			{"a type that embeds *bytes.Reader", func(*testing.T) io.Reader {
				return invertingBytes{bytes.NewReader(plain)}
			}, inverted},
			{"a ReaderAt that seeks", func(*testing.T) io.Reader { return &seeking{b: plain} }, plain},
			{"*strings.Reader", func(*testing.T) io.Reader { return strings.NewReader(string(plain)) }, plain},
			{"*os.File", func(t *testing.T) io.Reader { return tempFile(t, plain) }, plain},
		} {
			t.Run(tt.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Checksum: sum})
					res, err := up.Upload(t.Context(), bucket, key, tt.src(t), nil)
					wantObject(t, srv, tt.want, res, err)
				})
			})
		}
	}
}

// BR30: the caller of UploadBody says that its ReadAt is safe for concurrent use.
func TestABodyIsReadInPlace(t *testing.T) {
	for _, size := range []int{0, 1, 100, 101, 950} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			body := onlyBody{bytes.NewReader(data(size))}
			up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Checksum: oss.ChecksumCRC64})
			res, err := up.UploadBody(t.Context(), bucket, key, body, nil)
			wantObject(t, srv, data(size), res, err)
		})
	}
}

// onlyBody is an oss.Body that is no io.Reader.
type onlyBody struct{ oss.Body }

// negative is a Body whose size cannot be.
type negative struct{ oss.Body }

func (negative) Size() int64 { return -1 }

// R10: a nil pointer in an interface is a plain error before any request.
func TestANilSourceIsAPlainError(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	plan := multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key, ID: "X"}, Size: 1 << 20, PartSize: 1 << 20}
	for want, call := range map[string]func() error{
		"source is nil (<nil>)": func() error { _, err := up.Upload(t.Context(), bucket, key, nil, nil); return err },
		"source is nil (*os.File)": func() error {
			_, err := up.Upload(t.Context(), bucket, key, (*os.File)(nil), nil)
			return err
		},
		"source is nil (*bytes.Reader)": func() error {
			_, err := up.Upload(t.Context(), bucket, key, (*bytes.Reader)(nil), nil)
			return err
		},
		"source is nil (*bytes.Buffer)": func() error {
			_, err := up.Upload(t.Context(), bucket, key, (*bytes.Buffer)(nil), nil)
			return err
		},
		"body is nil (*strings.Reader)": func() error {
			_, err := up.UploadBody(t.Context(), bucket, key, (*strings.Reader)(nil), nil)
			return err
		},
		"size -1 of the body is negative": func() error {
			_, err := up.UploadBody(t.Context(), bucket, key, negative{}, nil)
			return err
		},
		"source is nil (*io.SectionReader)": func() error {
			_, err := up.Resume(t.Context(), plan, (*io.SectionReader)(nil))
			return err
		},
		"source is nil (*seeking)": func() error {
			_, err := up.UploadParts(t.Context(), plan, (*seeking)(nil), nil)
			return err
		},
	} {
		want = strings.Replace(want, "*seeking", "*multipart_test.seeking", 1)
		if err := call(); err == nil || err.Error() != "multipart: "+want {
			t.Errorf("error is %v, want multipart: %s", err, want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
