package interop

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// inParts makes the SDK's uploader use small parts, several at once.
func inParts(o *ossv2.UploaderOptions) { o.PartSize, o.ParallelNum = partSize, 3 }

func TestGoV2UploadsAndDownloadsFilesAndStreams(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, ctx, data := goV2Client(t, srv, s), t.Context(), random(1, 7*partSize+5)
		up := c.NewUploader(inParts)
		put := func(key string) *ossv2.PutObjectRequest {
			return &ossv2.PutObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr(key)}
		}
		if _, err := up.UploadFile(ctx, put(oddKey), file(t, data)); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, oddKey, data, 8)
		stream := io.MultiReader(bytes.NewReader(data)) // of no known length, and read once
		if _, err := up.UploadFrom(ctx, put("stream"), stream); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "stream", data, 8)
		if _, err := up.UploadFrom(ctx, put("small"), strings.NewReader("small")); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "small", []byte("small"), 0)

		down := c.NewDownloader(func(o *ossv2.DownloaderOptions) { o.PartSize, o.ParallelNum = partSize, 3 })
		to := filepath.Join(t.TempDir(), "to")
		get := &ossv2.GetObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr(oddKey)}
		if _, err := down.DownloadFile(ctx, get, to); err != nil {
			t.Fatal(err)
		}
		isFile(t, to, data)
	})
}

func TestGoV2ResumesFromACheckpoint(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := goV2Client(t, srv, s), random(1, 5*partSize+5)
		from, dir := file(t, data), t.TempDir()+"/"
		up := c.NewUploader(inParts, func(o *ossv2.UploaderOptions) {
			o.ParallelNum, o.EnableCheckpoint, o.CheckpointDir = 1, true, dir
		})
		upload := func() error {
			_, err := up.UploadFile(t.Context(),
				&ossv2.PutObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr(oddKey)}, from)
			return err
		}
		fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Effect: osstest.Drop()})
		if err := upload(); err == nil || fault.Fired() == 0 {
			t.Fatalf("upload = %v after %d cut connections", err, fault.Fired())
		}
		fault.Remove()
		if left := srv.Uploads(); len(left) != 1 || len(left[0].Parts) != 3 {
			t.Fatalf("left: %v, want one upload with three parts", left)
		}
		sent := len(srv.Requests("UploadPart"))
		if err := upload(); err != nil {
			t.Fatal(err)
		}
		if again := len(srv.Requests("UploadPart")) - sent; again != 3 {
			t.Errorf("resuming sent %d parts, want the 3 that were missing", again)
		}
		srv.holds(t, oddKey, data, 6)
	})
}

func TestGoV2CopiesInParts(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := goV2Client(t, srv, s), random(1, 3*partSize+5)
		srv.PutObject(other, oddKey, data)
		cp := c.NewCopier(func(o *ossv2.CopierOptions) {
			o.PartSize, o.ParallelNum, o.MultipartCopyThreshold, o.DisableShallowCopy = partSize, 3, partSize, true
		})
		if _, err := cp.Copy(t.Context(), &ossv2.CopyObjectRequest{
			Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr("copy"), SourceBucket: ossv2.Ptr(other),
			SourceKey: ossv2.Ptr(oddKey),
		}); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "copy", data, 4)
	})
}

func TestGoV2AbortsWhatFails(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c := goV2Client(t, srv, s)
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Fail(403, "AccessDenied")})
		_, err := c.NewUploader(inParts).UploadFrom(t.Context(),
			&ossv2.PutObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr("k")},
			bytes.NewReader(random(1, 3*partSize)))
		if r, ok := (&goV2{Client: c}).refusal(err); !ok || r.Code != "AccessDenied" || r.Status != 403 {
			t.Errorf("upload: %v, want the 403", err)
		}
	})
}

// A retry of this SDK waits for real, so one fault must do.
func TestGoV2RepeatsAPartThatWasCutOff(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := goV2Client(t, srv, s), random(1, 2*partSize)
		cut := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Times: 1, Effect: osstest.Truncate(1000)})
		again := func(o *ossv2.UploaderOptions) {
			o.ClientOptions = append(o.ClientOptions, func(o *ossv2.Options) { o.RetryMaxAttempts = ossv2.Ptr(2) })
		}
		if _, err := c.NewUploader(inParts, again).UploadFrom(t.Context(),
			&ossv2.PutObjectRequest{Bucket: ossv2.Ptr(bucket), Key: ossv2.Ptr("k")},
			bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if cut.Fired() != 1 {
			t.Errorf("%d parts were cut, want 1", cut.Fired())
		}
		srv.holds(t, "k", data, 2)
	})
}
