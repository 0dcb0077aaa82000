package oss_test

import (
	"errors"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// OSS repeats the key in its refusals, control characters as references that encoding/xml does not read (H18).
func TestARefusalThatNamesAKeyWithControlCharactersKeepsItsCode(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	for _, key := range []string{"a\x01b", "\x1c", "k\x00", "\ufffe"} {
		var refused *oss.ServiceError
		if _, err := c.GetObject(t.Context(), "bucket", key, nil); !errors.Is(err, oss.ErrNoSuchKey) {
			t.Errorf("GetObject of %q: %v, want ErrNoSuchKey", key, err)
		}
		err := c.AbortMultipartUpload(t.Context(), oss.Upload{Bucket: "bucket", Key: key, ID: "none"})
		if err != nil && (!errors.As(err, &refused) || refused.Code != oss.ErrNoSuchUpload) {
			t.Errorf("AbortMultipartUpload of %q: %v", key, err)
		}
	}
}
