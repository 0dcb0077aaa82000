package osstest

import (
	"errors"
	"net/http"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// The objects here have a size and no bytes: they are never read.
func TestCopyObjectTakesAtMostAGigabyte(t *testing.T) {
	srv := NewServer(nil)
	defer srv.Close()
	o := &store.Object{Name: store.Name{Bucket: "bucket", Key: "large"}, Type: "Normal", Size: maxCopy + 1,
		Header: make(http.Header), Modified: srv.now()}
	if err := srv.objects.Put(o, false); err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(t.Context(),
		&oss.Request{Op: "CopyObject", Method: http.MethodPut, Bucket: "bucket", Key: "copy",
			Header: http.Header{"X-Oss-Copy-Source": {"/bucket/large"}}})
	var refused *oss.ServiceError
	if !errors.As(err, &refused) || refused.StatusCode != 400 || refused.Code != "EntityTooLarge" {
		t.Errorf("CopyObject = %v, %v, want EntityTooLarge", resp, err)
	}
	if err := checkCopySize(maxCopy); err != nil {
		t.Errorf("%d bytes are refused: %v", maxCopy, err)
	}
}
