package readme

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// newClient makes the client that README shows.
func newClient() (*oss.Client, error) {
	// Keys come from OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and OSS_SESSION_TOKEN.
	return oss.NewClient(oss.Config{Region: "cn-hangzhou"})
}

func backup(ctx context.Context, client *oss.Client, path string) error {
	up := multipart.NewUploader(client, nil)
	res, err := up.UploadFile(ctx, "my-bucket", "backup.tar", path, nil)
	if err != nil {
		return err // nothing is left behind, or err says what
	}
	fmt.Printf("%d bytes, ETag %s, CRC-64 %d\n", res.Size, res.ETag, res.CRC64)
	return nil
}

func resume(ctx context.Context, client *oss.Client, dir, path string) (*multipart.Result, error) {
	up := multipart.NewUploader(client, &multipart.Options{Store: multipart.DirStore(dir)})
	res, err := up.UploadFile(ctx, "my-bucket", "backup.tar", path, nil)
	return res, err
}

func byHand(ctx context.Context, client *oss.Client, first, second string) error {
	up, err := client.InitiateMultipartUpload(ctx, "my-bucket", "by-hand.txt", nil)
	if err != nil {
		return err
	}
	one, err := client.UploadPart(ctx, up, 1, strings.NewReader(first), nil)
	if err != nil {
		return errors.Join(err, client.AbortMultipartUpload(context.WithoutCancel(ctx), up))
	}
	two, err := client.UploadPart(ctx, up, 2, strings.NewReader(second), nil)
	if err != nil {
		return errors.Join(err, client.AbortMultipartUpload(context.WithoutCancel(ctx), up))
	}
	res, err := client.CompleteMultipartUpload(ctx, up, []oss.Part{one, two}, nil)
	if err != nil {
		return err
	}
	fmt.Println(res.ETag)
	return nil
}

func explain(err error) {
	var ue *multipart.UploadError
	switch {
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		fmt.Println("the object may or may not exist: look before uploading again")
	case errors.Is(err, oss.ErrAccessDenied):
		fmt.Println("these keys may not write here")
	case errors.As(err, &ue) && !ue.Aborted && ue.Plan.Upload.ID != "":
		fmt.Println("parts are left under", ue.Plan.Upload)
	}
}

func saveReport(ctx context.Context, client *oss.Client, text string) error {
	_, err := multipart.NewUploader(client, nil).Upload(ctx, "reports", "today.txt", strings.NewReader(text), nil)
	return err
}

func TestSaveReport(t *testing.T) {
	for seed := range uint64(20) { // twenty bad days; the seed of one that fails makes it fail again
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			srv := osstest.NewServer(nil) // checks signatures, digests, part lists, like OSS
			defer srv.Close()
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()}) // once, for certain
			chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})                   // now and then, anything

			err := saveReport(t.Context(), srv.Client(), "all is well")
			obj, _ := srv.Object("reports", "today.txt")
			if left := srv.Uploads(); err != nil || string(obj.Data) != "all is well" || len(left) > 0 {
				t.Errorf("%v; stored %q, left behind %v after %v", err, obj.Data, left, chaos.Strikes())
			}
		})
	}
}

func Example() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	path := filepath.Join(os.TempDir(), fmt.Sprintf("readme-%d", os.Getpid()))
	if err := os.WriteFile(path, make([]byte, 20<<20), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)
	if err := backup(ctx, srv.Client(), path); err != nil {
		log.Fatal(err)
	}
	if err := byHand(ctx, srv.Client(), strings.Repeat("a", 100<<10), "the end"); err != nil {
		log.Fatal(err)
	}
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	explain(saveReport(ctx, srv.Client(), "no"))
	// Output:
	// 20971520 bytes, ETag "AAE9660D5CEC00A4A796D1191C5BD7BE-3", CRC-64 3840994472669231136
	// "50A8E20A291588A34759A8B2855F9B92-2"
	// these keys may not write here
}

func TestResumeOfREADMEGoesOn(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "backup.tar")
	if err := os.WriteFile(path, make([]byte, 40<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 5, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	dir := t.TempDir()
	if _, err := resume(t.Context(), srv.Client(), dir, path); err == nil {
		t.Fatal("the first try succeeded")
	}
	held := len(srv.Uploads()[0].Parts)
	fault.Remove()
	res, err := resume(t.Context(), srv.Client(), dir, path)
	if err != nil || res.Reused < held { // a part that was cancelled may have arrived all the same
		t.Errorf("the second try: %+v, %v, want at least %d parts reused", res, err, held)
	}
}

func TestTheClientOfREADMEIsMadeWithoutANetwork(t *testing.T) {
	if _, err := newClient(); err != nil {
		t.Error(err)
	}
}

func TestARealPortTakesTheSameClient(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	port := httptest.NewServer(srv)
	defer port.Close()
	client, err := oss.NewClient(oss.Config{Endpoint: port.URL, Credentials: osstest.TestCredentials()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := saveReport(ctx, client, "over TCP"); err != nil {
		t.Error(err)
	}
}
