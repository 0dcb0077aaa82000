package multipart_test

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Row 69: the parts of a stream that was kept have the sizes that they grew to, and are all reused.
func aKeptStreamIsResumedWithPartsOfEverySize(t *testing.T) {
	const first, parts = 4, 1500
	size := 1000*first + (parts-1000)*2*first
	src := append(data(size), data(1234)...)
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(),
			&multipart.Options{PartSize: first, KeepParts: true, MemoryLimit: 1 << 20})
		_, err := up.Upload(t.Context(), bucket, key,
			io.MultiReader(bytes.NewReader(src[:size]), iotest.ErrReader(errBroken)), nil)
		ue := wantNothing(t, srv, err, errBroken)
		synctest.Wait() // a part that was cut off may still be on its way
		held := srv.Uploads()[0].Parts
		sizes := make(map[int64]int)
		for _, part := range held {
			sizes[part.Size]++
		}
		if len(sizes) < 2 || ue.Plan.Size != -1 {
			t.Fatalf("the parts have sizes %v, the plan is %+v", sizes, ue.Plan)
		}
		res, err := up.Resume(t.Context(), ue.Plan, bytes.NewReader(src))
		wantObject(t, srv, src, res, err)
		if res.Reused != len(held) {
			t.Errorf("%d of %d parts were reused", res.Reused, len(held))
		}
	})
}

// Row 69: what can be kept of parts of several sizes with holes and changes.
func TestPartsOfSeveralSizesAreKeptWhereTheirPlaceIsCertain(t *testing.T) {
	src := data(1000)
	for _, tt := range []struct {
		name  string
		sizes map[int]int64 // of the parts held, by number
		from  map[int]int64 // where they are in the source
		keep  []int
	}{
		{"growing", map[int]int64{1: 10, 2: 10, 3: 20, 4: 40},
			map[int]int64{1: 0, 2: 10, 3: 20, 4: 40}, []int{1, 2, 3, 4}},
		{"a hole within a size", map[int]int64{1: 10, 2: 10, 3: 20, 5: 20},
			map[int]int64{1: 0, 2: 10, 3: 20, 5: 60}, []int{1, 2, 3, 5}},
		{"a hole between sizes", map[int]int64{1: 10, 2: 10, 4: 40}, map[int]int64{1: 0, 2: 10, 4: 40}, []int{1, 2}},
		{"shrinking, as under little memory", map[int]int64{1: 30, 2: 10, 3: 30},
			map[int]int64{1: 0, 2: 30, 3: 40}, []int{1, 2, 3}},
		{"a last part that ends the source", map[int]int64{1: 500, 2: 300, 3: 200},
			map[int]int64{1: 0, 2: 500, 3: 800}, []int{1, 2, 3}},
		{"a part of other bytes", map[int]int64{1: 10, 2: 30, 3: 20}, map[int]int64{1: 0, 2: 500, 3: 40}, []int{1, 3}},
		{"more bytes than the source has", map[int]int64{1: 600, 2: 500}, map[int]int64{1: 0, 2: 0}, []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up, p := begunIn(t, srv, 10, src)
				for number, size := range tt.sizes {
					body := bytes.NewReader(src[tt.from[number] : tt.from[number]+size])
					if _, err := srv.Client().UploadPart(t.Context(), p.Upload, number, body, nil); err != nil {
						t.Fatal(err)
					}
				}
				before := srv.Uploads()[0].Parts
				p.Size = -1
				res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
				wantObject(t, srv, src, res, err)
				var kept []int
				obj, _ := srv.Object(bucket, key)
				sent := srv.Requests("UploadPart")[len(tt.sizes):]
				for _, part := range before {
					again := slices.ContainsFunc(sent, func(r osstest.Request) bool {
						return r.PartNumber == part.Number
					})
					if !again &&
						slices.ContainsFunc(obj.Parts, func(o oss.Part) bool { return o.Number == part.Number }) {
						kept = append(kept, part.Number)
					}
				}
				if !slices.Equal(kept, tt.keep) || res.Reused != len(tt.keep) {
					t.Errorf("kept parts %v, reused %d, want %v", kept, res.Reused, tt.keep)
				}
			})
		})
	}
}
