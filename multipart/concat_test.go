package multipart_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// leastJoint is the minimum part size in the tests of Concat.
const leastJoint = 100

// inPieces stores objects of the sizes, whose bytes together are those of data, and returns them as sources.
func inPieces(t *testing.T, srv *osstest.Server, sizes []int) (sources []oss.CopySource, all []byte) {
	t.Helper()
	total := 0
	for _, n := range sizes {
		total += n
	}
	all = data(total)
	offset := 0
	for i, n := range sizes {
		name := fmt.Sprint("piece", i)
		srv.PutObject(bucket, name, all[offset:offset+n])
		sources = append(sources, oss.CopySource{Bucket: bucket, Key: name})
		offset += n
	}
	return sources, all
}

// withJoints runs f with a server that has a minimum part size of leastJoint.
func withJoints(t *testing.T, f func(t *testing.T, srv *osstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: leastJoint})
		defer srv.Close()
		f(t, srv)
		for _, up := range srv.Uploads() {
			t.Errorf("left behind: %v with %d parts", up.Upload, len(up.Parts))
		}
	})
}

// Only the bytes around small sources are transferred.
func TestConcatHasTheBytesOfAllSources(t *testing.T) {
	for _, tt := range []struct {
		sizes                []int
		copies, reads, parts int
	}{
		{[]int{0}, 0, 0, 0},
		{[]int{0, 0}, 0, 0, 0},
		{[]int{1}, 1, 0, 1},
		{[]int{1, 1}, 0, 2, 1},
		{[]int{250, 0, 250}, 2, 0, 2},
		{[]int{1000, 1000}, 8, 0, 8},              // four parts each
		{[]int{310, 310}, 2, 2, 3},                // 300, 10+90, 220
		{[]int{1, 150}, 1, 2, 2},                  // 1+99, 51
		{[]int{250, 30, 30, 30, 250}, 2, 4, 3},    // 250, 30+30+30+10, 240
		{[]int{250, 30, 30, 30, 0, 110}, 2, 4, 3}, // 250, 30+30+30+10, 100
		{[]int{250, 99}, 2, 0, 2},                 // the last part may be small
		{[]int{100, 100, 1}, 3, 0, 3},
		{[]int{99, 1, 99, 1, 99, 1}, 0, 6, 3},
		{[]int{300, 300, 300, 300, 300}, 5, 0, 5},
		{[]int{350, 20, 20}, 1, 3, 2},             // 300, 50+20+20
		{[]int{5, 305, 5, 305, 5, 305}, 3, 6, 6},  // 5+95, 210, and so on
		{[]int{301, 301, 301, 301, 301}, 6, 4, 8}, // 300, 1+99, 202, 300, 1+99, 202, 300, 1
		{[]int{20, 20, 20, 20, 20, 20}, 1, 5, 2},  // 20 x 5, 20
		{[]int{20, 20, 20, 20, 30, 500}, 2, 7, 4}, // 20 x 5, 10+90, 300, 110
		{[]int{1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 9, 1},
	} {
		t.Run(fmt.Sprint(tt.sizes), func(t *testing.T) {
			withJoints(t, func(t *testing.T, srv *osstest.Server) {
				sources, want := inPieces(t, srv, tt.sizes)
				res, err := multipart.NewUploader(srv.Client(), settings(300)).Concat(t.Context(), bucket, key,
					sources, &oss.ObjectOptions{ContentType: "text/x", Metadata: map[string]string{"a": "b"}})
				wantObject(t, srv, want, res, err)
				info, err := srv.Client().HeadObject(t.Context(), bucket, key, nil)
				if err != nil || info.ContentType != "text/x" || info.Metadata["a"] != "b" {
					t.Errorf("properties: %+v, %v", info, err)
				}
				copies, reads := len(srv.Requests("UploadPartCopy")), len(srv.Requests("GetObject"))
				if copies != tt.copies || reads != tt.reads || res.Parts != tt.parts {
					t.Errorf("%d copies, %d reads and %d parts, want %d, %d and %d",
						copies, reads, res.Parts, tt.copies, tt.reads, tt.parts)
				}
			})
		})
	}
}

func TestConcatOfRandomSourcesAndRanges(t *testing.T) {
	for seed := range uint64(100) {
		withJoints(t, func(t *testing.T, srv *osstest.Server) {
			random := rand.New(rand.NewPCG(seed, 0))
			var sizes []int
			for range 1 + random.IntN(8) {
				sizes = append(sizes, random.IntN(1+random.IntN(700)))
			}
			sources, all := inPieces(t, srv, sizes)
			var want []byte
			for i, offset := 0, 0; i < len(sizes); i++ {
				begin, n := 0, sizes[i]
				if n > 0 && random.IntN(3) == 0 {
					begin = random.IntN(n)
					n = 1 + random.IntN(n-begin)
					sources[i].Offset, sources[i].Length = int64(begin), int64(n)
				}
				want = append(want, all[offset+begin:offset+begin+n]...)
				offset += sizes[i]
			}
			srv.Inject(osstest.Fault{Share: 0.2, Seed: seed, Times: 3, Effect: osstest.LoseReply()})
			u := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 300, ExclusiveKeys: true})
			res, err := u.Concat(t.Context(), bucket, key, sources, nil)
			wantObject(t, srv, want, res, err)
			if t.Failed() {
				t.Fatalf("seed %d: sources %+v", seed, sources)
			}
		})
	}
}

func TestConcatOfASourceThatChangesMakesNoObject(t *testing.T) {
	for op, sizes := range map[string][]int{"UploadPartCopy": {300, 300}, "GetObject": {50, 50}} {
		withJoints(t, func(t *testing.T, srv *osstest.Server) {
			sources, _ := inPieces(t, srv, sizes)
			c := client(t, srv, func(cfg *oss.Config) {
				cfg.Hooks.OnStart = onFirst(op, func() {
					for _, s := range sources {
						srv.PutObject(bucket, s.Key, bytes.Repeat([]byte("x"), sizes[0]))
					}
				})
			})
			_, err := multipart.NewUploader(c, settings(300)).Concat(t.Context(), bucket, key, sources, nil)
			wantNothing(t, srv, err, multipart.ErrSourceChanged)
		})
	}
}

// KeepParts would leave parts that no call can continue.
func TestAFailedConcatIsAborted(t *testing.T) {
	withJoints(t, func(t *testing.T, srv *osstest.Server) {
		sources, _ := inPieces(t, srv, []int{300, 300})
		srv.Inject(osstest.Fault{Op: "UploadPartCopy", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		u := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 300, KeepParts: true})
		_, err := u.Concat(t.Context(), bucket, key, sources, nil)
		if ue := wantNothing(t, srv, err, oss.ErrAccessDenied); !ue.Aborted {
			t.Error("the upload is not aborted")
		}
	})
}

func TestConcatRefusesInvalidArgumentsWithoutRequests(t *testing.T) {
	withJoints(t, func(t *testing.T, srv *osstest.Server) {
		u := multipart.NewUploader(srv.Client(), settings(300))
		good := oss.CopySource{Bucket: bucket, Key: "piece0"}
		for name, sources := range map[string][]oss.CopySource{
			"no source": nil,
			"no key":    {good, {Bucket: bucket}},
			"negative":  {good, {Bucket: bucket, Key: "x", Offset: -1}},
			"length":    {good, {Bucket: bucket, Key: "x", Length: -1}},
		} {
			if _, err := u.Concat(t.Context(), bucket, key, sources, nil); err == nil {
				t.Errorf("%s is accepted", name)
			}
		}
		if _, err := u.Concat(t.Context(), bucket, "", []oss.CopySource{good}, nil); err == nil {
			t.Error("an empty key is accepted")
		}
		if n := len(srv.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
		_, err := u.Concat(t.Context(), bucket, key, []oss.CopySource{good}, nil)
		wantNothing(t, srv, err, oss.ErrNoSuchKey)
		srv.PutObject(bucket, "piece0", data(10))
		for _, r := range [][2]int64{{11, 0}, {5, 6}} {
			far := good
			far.Offset, far.Length = r[0], r[1]
			if _, err := u.Concat(t.Context(), bucket, key, []oss.CopySource{good, far}, nil); err == nil {
				t.Errorf("a range of %d bytes at %d of 10 is accepted", r[1], r[0])
			}
		}
	})
}
