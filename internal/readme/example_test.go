package readme

import (
	"context"
	"errors"
	"fmt"
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

func resume(ctx context.Context, client *oss.Client, dir, path string) (*multipart.Result, error) {
	up := multipart.NewUploader(client, &multipart.Options{Store: multipart.DirStore(dir)})
	res, err := up.UploadFile(ctx, "my-bucket", "backup.tar", path, nil)
	return res, err
}

func explain(err error) {
	var ue *multipart.UploadError
	switch {
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		fmt.Println("it is unknown whether the object exists")
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
	for seed := range uint64(20) { // other failures for each seed, and the same ones again
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			srv := osstest.NewServer(nil) // as strict as OSS
			defer srv.Close()
			srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.LoseReply()}) // one failure
			chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})                   // random failures

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
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	explain(saveReport(context.Background(), srv.Client(), "no"))
	// Output: these keys may not write here
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
		t.Fatal("the first upload succeeded")
	}
	held := len(srv.Uploads()[0].Parts)
	fault.Remove()
	res, err := resume(t.Context(), srv.Client(), dir, path)
	if err != nil || res.Reused < held { // a cancelled part may have arrived
		t.Errorf("the second upload: %+v, %v, want at least %d parts reused", res, err, held)
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
