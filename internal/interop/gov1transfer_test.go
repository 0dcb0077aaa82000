package interop

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	ossv1 "github.com/aliyun/aliyun-oss-go-sdk/oss"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// holds fails t unless the object has exactly these bytes, in so many parts; 0 means that it was put.
func (s *server) holds(t *testing.T, key string, data []byte, parts int) {
	t.Helper()
	o, ok := s.Object(bucket, key)
	if !ok || !bytes.Equal(o.Data, data) || len(o.Parts) != parts {
		t.Errorf("object %s: %v, %d bytes in %d parts, want the %d that were sent in %d parts",
			key, ok, len(o.Data), len(o.Parts), len(data), parts)
	}
}

// isFile fails t unless the file has exactly these bytes.
func isFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, data) {
		t.Errorf("file: %v, or its %d bytes are not the %d that were downloaded", err, len(got), len(data))
	}
}

func TestGoV1UploadsAndDownloadsFilesWithRoutines(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		b, data := goV1Bucket(t, srv, s), random(1, 7*partSize+5)
		if err := b.UploadFile(oddKey, file(t, data), partSize, ossv1.Routines(3)); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, oddKey, data, 8)
		if err := b.CopyFile(bucket, oddKey, "copy", partSize, ossv1.Routines(3)); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "copy", data, 8)
		to := filepath.Join(t.TempDir(), "to")
		if err := b.DownloadFile("copy", to, partSize, ossv1.Routines(3)); err != nil {
			t.Fatal(err)
		}
		isFile(t, to, data)
	})
}

// A noted is closed when the checkpoint has five parts.
type noted chan struct{}

// ProgressChanged makes it a listener.
func (n noted) ProgressChanged(e *ossv1.ProgressEvent) {
	if e.EventType == ossv1.TransferDataEvent && e.ConsumedBytes == 5*partSize {
		close(n)
	}
}

// The sixth part is held until the checkpoint has the five before it: this client drops the news of parts that have
// arrived when it hears of a failure first.
func TestGoV1ResumesFromACheckpoint(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		b, data := goV1Bucket(t, srv, s), random(1, 5*partSize+5)
		from, checkpoint := file(t, data), filepath.Join(t.TempDir(), "checkpoint")
		five := make(noted)
		srv.before = func(r *http.Request) {
			if r.URL.Query().Get("partNumber") == "6" {
				<-five
			}
		}
		upload := func() error {
			return b.UploadFile(oddKey, from, partSize, ossv1.Checkpoint(true, checkpoint), ossv1.Progress(five))
		}
		fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 6, Effect: osstest.Drop()})
		if err := upload(); err == nil || fault.Fired() == 0 {
			t.Fatalf("upload = %v after %d cut connections", err, fault.Fired())
		}
		fault.Remove()
		if left := srv.Uploads(); len(left) != 1 || len(left[0].Parts) != 5 {
			t.Fatalf("left: %v, want one upload with five parts", left)
		}
		sent := len(srv.Requests("UploadPart"))
		if err := upload(); err != nil {
			t.Fatal(err)
		}
		if again := len(srv.Requests("UploadPart")) - sent; again != 1 {
			t.Errorf("resuming sent %d parts, want the one that the checkpoint lacked", again)
		}
		srv.holds(t, oddKey, data, 6)
	})
}

func TestGoV1AbortsWhatFails(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		b := goV1Bucket(t, srv, s)
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(503, "ServiceUnavailable")})
		err := b.UploadFile("k", file(t, random(1, 3*partSize)), partSize)
		if r, ok := (&goV1{b}).refusal(err); !ok || r.Code != "ServiceUnavailable" || r.Status != 503 {
			t.Errorf("upload: %v, want the 503", err)
		}
	})
}

func TestGoV1NoticesDamage(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		b := goV1Bucket(t, srv, s)
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Corrupt()})
		if err, ok := b.PutObject("k", bytes.NewReader(random(1, 100))).(ossv1.CRCCheckError); !ok {
			t.Errorf("put of damaged bytes: %v, want a CRCCheckError", err)
		}
	})
}
