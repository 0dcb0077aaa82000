package ossblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A harness is the server of one test of the suite.
type harness struct {
	t      *testing.T
	srv    *osstest.Server
	fault  *osstest.Fault // nil for none
	active *osstest.Injection
	fired  *int
}

// harnesses makes servers with a fault, which may be nil, and adds to fired how often it struck.
func harnesses(fault *osstest.Fault, fired *int) drivertest.HarnessMaker {
	return func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
		h := &harness{t: t, srv: srv, fault: fault, fired: fired}
		h.inject()
		return h, nil
	}
}

func (h *harness) inject() {
	if h.fault != nil {
		h.active = h.srv.Inject(*h.fault)
	}
}

func (h *harness) remove() {
	if h.fault != nil {
		h.active.Remove()
		*h.fired += h.active.Fired()
	}
}

func (h *harness) bucket(name string) (driver.Bucket, error) {
	cfg := h.srv.Config()
	cfg.Retry = oss.Retry{MinWait: time.Millisecond, MaxWait: time.Millisecond}
	client, err := oss.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	// The suite has subtests, which synctest does not allow. A negative Patience makes all waits those of Retry.
	return openBucket(client, name, &multipart.Options{Patience: -1})
}

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) { return h.bucket("bucket") }

func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return h.bucket("elsewhere")
}

func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }

// HTTPClient sends the requests of signed URLs. Since it does not repeat them, no fault strikes them.
func (h *harness) HTTPClient() *http.Client { return &http.Client{Transport: h} }

func (h *harness) RoundTrip(r *http.Request) (*http.Response, error) {
	h.remove()
	defer h.inject()
	return h.srv.HTTPClient().Transport.RoundTrip(r)
}

func (h *harness) Close() {
	h.remove()
	if n := len(h.srv.Uploads()); n != 0 {
		h.t.Errorf("%d unfinished uploads are left", n)
	}
	h.srv.Close()
}

// All groups of the suite run: there is none that OSS cannot do.
func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, harnesses(nil, nil), []drivertest.AsTest{asTest{}})
}

func TestConformanceOnABadDay(t *testing.T) {
	for seed := range uint64(effort.Of(1, 5, 5)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			fired := 0
			fault := &osstest.Fault{Effect: osstest.Chaos(seed)}
			drivertest.RunConformanceTests(t, harnesses(fault, &fired), []drivertest.AsTest{asTest{}})
			if fired < 50 {
				t.Errorf("%d faults struck, want 50 or more", fired)
			}
		})
	}
}

// asTest finds the types that the package comment names.
type asTest struct{}

func (asTest) Name() string { return "types of go-oss" }

func (asTest) BucketCheck(b *blob.Bucket) error {
	var client *oss.Client
	var uploader *multipart.Uploader
	if !b.As(&client) || !b.As(&uploader) || client == nil || uploader == nil {
		return errors.New("Bucket.As fails")
	}
	return nil
}

func (asTest) ErrorCheck(b *blob.Bucket, err error) error {
	var refused *oss.ServiceError
	if !b.ErrorAs(err, &refused) || refused.Code != oss.ErrNoSuchKey {
		return fmt.Errorf("ErrorAs gives %v", refused)
	}
	return nil
}

func (asTest) BeforeRead(as func(any) bool) error {
	var get *oss.GetOptions
	if !as(&get) {
		return errors.New("BeforeRead.As fails")
	}
	get.Response.CacheControl = "no-store"
	return nil
}

func (asTest) ReaderCheck(r *blob.Reader) error {
	var object *oss.Object
	if !r.As(&object) || object.Header.Get("Cache-Control") != "no-store" {
		return fmt.Errorf("Reader.As gives %+v, without the option of BeforeRead", object)
	}
	return nil
}

func (asTest) BeforeWrite(as func(any) bool) error {
	var properties *oss.ObjectOptions
	if !as(&properties) {
		return errors.New("BeforeWrite.As fails")
	}
	properties.StorageClass = oss.StorageIA
	return nil
}

func (asTest) AttributesCheck(a *blob.Attributes) error {
	var info oss.ObjectInfo
	if !a.As(&info) || info.Header.Get("x-oss-storage-class") != string(oss.StorageIA) {
		return fmt.Errorf("Attributes.As gives %+v, without the option of BeforeWrite", info)
	}
	return nil
}

func (asTest) BeforeCopy(as func(any) bool) error {
	var source *oss.CopySource
	var properties *oss.ObjectOptions
	if !as(&source) || source.Key == "" || !as(&properties) {
		return errors.New("BeforeCopy.As fails")
	}
	return nil
}

func (asTest) BeforeDelete(as func(any) bool) error {
	var options *oss.DeleteOptions
	if !as(&options) {
		return errors.New("BeforeDelete.As fails")
	}
	return nil
}

func (asTest) BeforeList(as func(any) bool) error {
	var list *oss.ListObjectsOptions
	if !as(&list) {
		return errors.New("BeforeList.As fails")
	}
	list.Owner = true
	return nil
}

func (asTest) ListObjectCheck(o *blob.ListObject) error {
	var entry oss.ObjectEntry
	if !o.As(&entry) || entry.Key != o.Key || !o.IsDir && entry.Owner.ID == "" {
		return fmt.Errorf("ListObject.As gives %+v, without the option of BeforeList", entry)
	}
	return nil
}

func (asTest) BeforeSign(as func(any) bool) error {
	var get *oss.GetOptions
	var put *oss.ObjectOptions
	var remove *oss.DeleteOptions
	if !as(&get) && !as(&put) && !as(&remove) {
		return errors.New("BeforeSign.As fails")
	}
	return nil
}
