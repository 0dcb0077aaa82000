package ossblob

import (
	"context"
	"net/http"
	"testing"

	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

type harness struct {
	srv *osstest.Server
	t   *testing.T
}

func newHarness(_ context.Context, t *testing.T) (drivertest.Harness, error) {
	return &harness{osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}}), t}, nil
}

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) {
	return openBucket(h.srv.Client(), "bucket", nil)
}

func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return openBucket(h.srv.Client(), "elsewhere", nil)
}

func (h *harness) HTTPClient() *http.Client         { return h.srv.HTTPClient() }
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }

func (h *harness) Close() {
	if n := len(h.srv.Uploads()); n != 0 {
		h.t.Errorf("%d unfinished uploads are left", n)
	}
	h.srv.Close()
}

func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, newHarness, nil)
}
