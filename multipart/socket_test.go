package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// overSockets returns a server that is reached over the loopback interface, and a client of it with a transport of its
// own: there the kernel sends files by itself, which it cannot do on the network in memory.
func overSockets(t *testing.T, hooks oss.Hooks) (*osstest.Server, *oss.Client) {
	t.Helper()
	srv := osstest.NewServer(nil)
	t.Cleanup(srv.Close)
	front := httptest.NewServer(srv)
	t.Cleanup(front.Close)
	c := client(t, srv, func(cfg *oss.Config) {
		cfg.Endpoint, cfg.Addressing, cfg.HTTPClient, cfg.Hooks = front.URL, oss.PathStyle, nil, hooks
	})
	return srv, c
}

func TestAFileIsStoredOverSocketsAsItIs(t *testing.T) {
	for _, sum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64} {
		srv, c := overSockets(t, oss.Hooks{})
		want := data(7_654_321)
		var last multipart.Progress
		up := multipart.NewUploader(c,
			&multipart.Options{PartSize: 500_000, Checksum: sum, Progress: func(p multipart.Progress) {
				if p.Sent < last.Sent || p.Done < last.Done || p.Done > p.Sent {
					t.Errorf("%+v came after %+v", p, last)
				}
				last = p
			}})
		res, err := up.UploadFile(t.Context(), bucket, key, tempFile(t, want).Name(), nil)
		wantObject(t, srv, want, res, err)
		if last.Sent != int64(len(want)) || last.Done != last.Sent {
			t.Errorf("the last progress is %+v", last)
		}
	}
}

// The bytes sent are not those that were hashed. Only OSS can notice that.
func TestAFileThatChangesBeforeItIsSentIsNotStored(t *testing.T) {
	f := tempFile(t, data(3_000_000))
	srv, c := overSockets(t, oss.Hooks{OnStart: func(ctx context.Context, op oss.Operation) context.Context {
		if op.Name == "UploadPart" && op.PartNumber == 5 {
			if _, err := f.WriteAt(bytes.Repeat([]byte("!"), 1000), 4*500_000+250_000); err != nil {
				t.Error(err)
			}
		}
		return ctx
	}})
	_, err := multipart.NewUploader(c, &multipart.Options{PartSize: 500_000}).UploadFile(t.Context(), bucket, key,
		f.Name(), nil)
	wantNothing(t, srv, err, multipart.ErrSourceChanged)
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	var ue *multipart.UploadError
	if errors.As(err, &ue); !ue.Aborted {
		t.Errorf("the upload was not aborted: %v", err)
	}
}
