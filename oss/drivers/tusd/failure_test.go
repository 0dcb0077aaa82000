package osstusd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	osstusd "github.com/ossmultipart/go-oss/oss/drivers/tusd"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

const partSize = 100 << 10

// inBubble runs f in a synctest bubble. At its end the bucket must have no unfinished upload and no record of one.
func inBubble(t *testing.T, f func(t *testing.T, srv *osstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Buckets: []string{bucket}})
		defer srv.Close()
		f(t, srv)
		wantNoUploads(t, srv)
		for _, key := range srv.Objects(bucket) {
			if strings.HasPrefix(key, ".tus/writers/") {
				t.Errorf("%s is left", key)
			}
		}
	})
}

// newStore returns the Store of another process.
func newStore(t *testing.T, srv *osstest.Server) *osstusd.Store {
	t.Helper()
	// ExclusiveKeys: the faults below lose replies to Initiate, and no other program uploads to these keys.
	store, err := osstusd.New(srv.Client(), bucket, &osstusd.Options{
		Uploads: multipart.Options{PartSize: partSize, ExclusiveKeys: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// begin creates an upload of size bytes, and returns its ID.
func begin(t *testing.T, srv *osstest.Server, size int) string {
	t.Helper()
	u, err := newStore(t, srv).NewUpload(t.Context(), handler.FileInfo{Size: int64(size)})
	if err != nil {
		t.Fatal(err)
	}
	info, err := u.GetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// find returns the upload as another process finds it.
func find(t *testing.T, srv *osstest.Server, id string) (handler.Upload, handler.FileInfo) {
	t.Helper()
	u, err := newStore(t, srv).GetUpload(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	info, err := u.GetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u, info
}

// appendRest appends what is missing of want.
func appendRest(t *testing.T, srv *osstest.Server, id string, want []byte) {
	t.Helper()
	u, info := find(t, srv, id)
	n, err := u.WriteChunk(t.Context(), info.Offset, bytes.NewReader(want[info.Offset:]))
	if err == nil && info.Offset+n == int64(len(want)) {
		err = u.FinishUpload(t.Context())
	}
	if err != nil {
		t.Fatalf("%d bytes at %d: %v", n, info.Offset, err)
	}
}

// wantComplete checks that the upload is complete, in the view of another process.
func wantComplete(t *testing.T, srv *osstest.Server, id string, want []byte) {
	t.Helper()
	if _, info := find(t, srv, id); info.Offset != int64(len(want)) || info.Size != info.Offset {
		t.Errorf("the upload is at %d of %d bytes, want %d", info.Offset, info.Size, len(want))
	}
	object, ok := srv.Object(bucket, id)
	if !ok || !bytes.Equal(object.Data, want) {
		t.Fatalf("the object, %v, has %d bytes other than the %d uploaded", ok, len(object.Data), len(want))
	}
}

// A hanging reader gives its bytes, and then nothing until the end of its context.
func hanging(ctx context.Context, content []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(content), readerFunc(func([]byte) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// killed writes content until it is stored, as far as full parts go, and ends as a process that is killed: nothing
// more is saved.
func killed(t *testing.T, u handler.Upload, offset int64, content []byte) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := u.WriteChunk(ctx, offset, hanging(ctx, content))
		ended <- err
	}()
	synctest.Wait()
	kill()
	if err := <-ended; err == nil {
		t.Fatal("WriteChunk of a killed process succeeds")
	}
}

// One PATCH may be the whole file. What it stored before the kill is not sent again.
func TestAKilledServerLosesLessThanAFewParts(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		want := random(3 << 20)
		id := begin(t, srv, len(want))
		for _, cut := range []int64{1 << 20, 2 << 20} {
			u, info := find(t, srv, id)
			killed(t, u, info.Offset, want[info.Offset:cut])
			if _, info = find(t, srv, id); info.Offset < cut-2*partSize || info.Offset > cut {
				t.Errorf("killed at byte %d, the upload is at %d", cut, info.Offset)
			}
		}
		u, info := find(t, srv, id)
		n, err := u.WriteChunk(t.Context(), info.Offset, bytes.NewReader(want[info.Offset:][:7]))
		if n != 7 || err != nil {
			t.Fatal(n, err)
		}
		u, _ = find(t, srv, id)
		killed(t, u, info.Offset+7, want[info.Offset+7:][:20]) // too few for a part
		if _, after := find(t, srv, id); after.Offset != info.Offset+7 {
			t.Errorf("the upload is at %d, want %d, which was acknowledged", after.Offset, info.Offset+7)
		}
		appendRest(t, srv, id, want)
		wantComplete(t, srv, id, want)
	})
}

// A client that hears that all bytes are there sends no more. So they are not all there before the object is.
func TestTheOffsetIsTheSizeOnlyIfTheObjectExists(t *testing.T) {
	for _, size := range []int{0, 10, 2 * partSize, 5*partSize + 1} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			want := random(size)
			id := begin(t, srv, size)
			denied := osstest.Fail(403, oss.ErrAccessDenied)
			refused := []*osstest.Injection{
				srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Effect: denied}),
				srv.Inject(osstest.Fault{Op: "PutObject", Key: id, Effect: denied}),
			}
			u, err := newStore(t, srv).GetUpload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if size > 0 {
				if n, err := u.WriteChunk(t.Context(), 0, bytes.NewReader(want)); n != int64(size) || err != nil {
					t.Fatalf("WriteChunk: %d, %v", n, err)
				}
			}
			if err := u.FinishUpload(t.Context()); !errors.Is(err, oss.ErrAccessDenied) {
				t.Fatalf("FinishUpload: %v", err)
			}
			again, err := newStore(t, srv).GetUpload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			info, err := again.GetInfo(t.Context())
			if err == nil && info.Offset == info.Size {
				t.Errorf("%d bytes: the upload is at its end without an object", size)
			}
			for _, r := range refused {
				r.Remove()
			}
			if _, info := find(t, srv, id); info.Offset < info.Size {
				appendRest(t, srv, id, want)
			}
			wantComplete(t, srv, id, want)
		})
	}
}

// The process was killed after the object was made, or could not delete the record.
func TestARecordOfACompleteUploadIsDeletedLater(t *testing.T) {
	for _, cut := range []int{10, 2 * partSize} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			want := random(3 * partSize)
			if cut == 10 {
				want = want[:partSize/2]
			}
			id := begin(t, srv, len(want))
			u, _ := find(t, srv, id)
			if _, err := u.WriteChunk(t.Context(), 0, bytes.NewReader(want[:cut])); err != nil {
				t.Fatal(err)
			}
			refused := srv.Inject(osstest.Fault{Op: "DeleteObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
			appendRest(t, srv, id, want)
			refused.Remove()
			wantComplete(t, srv, id, want)
		})
	}
}

// Lifecycle rules abort old uploads. The client gets 404, and begins again.
func TestAnExpiredUploadIsNotFound(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		id := begin(t, srv, 5*partSize)
		u, _ := find(t, srv, id)
		if _, err := u.WriteChunk(t.Context(), 0, bytes.NewReader(random(3*partSize))); err != nil {
			t.Fatal(err)
		}
		for _, up := range srv.Uploads() {
			if err := srv.Client().AbortMultipartUpload(t.Context(), up.Upload); err != nil {
				t.Fatal(err)
			}
		}
		u, err := newStore(t, srv).GetUpload(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.GetInfo(t.Context()); !errors.Is(err, handler.ErrNotFound) {
			t.Errorf("GetInfo: %v", err)
		}
	})
}

// A lock can be lost. Then two requests write to one upload, and their parts replace each other. Parts may be left,
// which no upload has, for multipart.Uploader.Sweep.
func TestTwoRequestsWithoutALockMakeNoWrongObject(t *testing.T) {
	for seed := range uint64(effort.Of(5, 20, 100)) {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			defer func() {
				for _, up := range srv.Uploads() {
					srv.Client().AbortMultipartUpload(t.Context(), up.Upload)
				}
			}()
			draw := rand.New(rand.NewPCG(seed, 2))
			want := random(12 * partSize)
			id := begin(t, srv, len(want))
			first, _ := find(t, srv, id)
			begun := draw.IntN(2) * (draw.IntN(3*partSize) + 1)
			if _, err := first.WriteChunk(t.Context(), 0, bytes.NewReader(want[:begun])); err != nil {
				t.Fatal(err)
			}
			ended := make(chan bool)
			var uploads [2]handler.Upload
			for i := range uploads {
				uploads[i], _ = find(t, srv, id)
			}
			for _, u := range uploads {
				end := begun + draw.IntN(len(want)-begun+1)
				if draw.IntN(2) == 0 {
					end = len(want)
				}
				go func() {
					_, err := u.WriteChunk(t.Context(), int64(begun), bytes.NewReader(want[begun:end]))
					if err == nil && end == len(want) {
						u.FinishUpload(t.Context())
					}
					ended <- true
				}()
			}
			<-ended
			<-ended
			u, err := newStore(t, srv).GetUpload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.GetInfo(t.Context()); errors.Is(err, handler.ErrNotFound) {
				return // the client begins again
			}
			if _, info := find(t, srv, id); info.Offset < info.Size {
				appendRest(t, srv, id, want)
			}
			if wantComplete(t, srv, id, want); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
	}
}

// A quarter of the requests to OSS fail, processes are killed, and the client continues where HEAD tells it to.
func TestRandomFaultsAndKills(t *testing.T) {
	for seed := range uint64(effort.Of(20, 100, 1000)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				draw := rand.New(rand.NewPCG(seed, 1))
				want := random(draw.IntN(1 << (10 + draw.IntN(12))))
				id := begin(t, srv, len(want))
				chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
				defer func() {
					if t.Failed() {
						t.Log(chaos.Strikes())
					}
				}()
				promised := int64(0)
				for tries := 0; ; tries++ {
					if tries == 30 {
						chaos.Remove()
					}
					u, err := newStore(t, srv).GetUpload(t.Context(), id)
					var info handler.FileInfo
					if err == nil {
						info, err = u.GetInfo(t.Context())
					}
					if err != nil && tries < 40 {
						continue
					}
					if err != nil || info.Offset < promised {
						t.Fatalf("GetInfo: byte %d, %v, after byte %d was promised", info.Offset, err, promised)
					}
					if promised = info.Offset; info.Offset == info.Size && (info.Size > 0 || tries > 0) {
						break
					}
					rest := want[promised:]
					rest = rest[:min(len(rest), draw.IntN(len(want)+1))]
					if draw.IntN(3) == 0 && tries < 30 {
						killed(t, u, promised, rest)
						continue
					}
					n, err := u.WriteChunk(t.Context(), promised, bytes.NewReader(rest))
					if n > int64(len(rest)) || n < int64(len(rest)) && err == nil {
						t.Fatalf("WriteChunk of %d bytes: %d, %v", len(rest), n, err)
					}
					if err == nil && promised+n == info.Size {
						err = u.FinishUpload(t.Context())
						n = 0 // promised by FinishUpload alone
					}
					if err == nil {
						promised += n
					}
				}
				chaos.Remove()
				wantComplete(t, srv, id, want)
			})
		})
	}
}
