package interop

import (
	"bytes"
	"io"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestOursUploadsFilesAndStreams(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := oursClient(t, srv, s), random(1, 7*partSize+5)
		up := multipart.NewUploader(c, &multipart.Options{PartSize: partSize, Concurrency: 3})
		lost := srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		if _, err := up.UploadFile(t.Context(), bucket, oddKey, file(t, data), nil); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, oddKey, data, 8)
		if lost.Fired() != 1 {
			t.Errorf("%d replies were lost, want 1", lost.Fired())
		}
		stream := io.MultiReader(bytes.NewReader(data))
		if _, err := up.Upload(t.Context(), bucket, "stream", stream, nil); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "stream", data, 8)
	})
}
