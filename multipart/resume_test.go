package multipart_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// begun returns an upload of src in parts of 100 of which OSS holds the numbered ones.
func begun(t *testing.T, srv *osstest.Server, src []byte, numbers ...int) (*multipart.Uploader, multipart.Plan) {
	t.Helper()
	return begunIn(t, srv, 100, src, numbers...)
}

// begunIn does the same with parts of partSize.
func begunIn(t *testing.T, srv *osstest.Server, partSize int64, src []byte,
	numbers ...int) (*multipart.Uploader, multipart.Plan) {
	t.Helper()
	up := multipart.NewUploader(srv.Client(), settings(partSize))
	p, err := up.Begin(t.Context(), bucket, key, int64(len(src)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(numbers) > 0 {
		if _, err := up.UploadParts(t.Context(), p, bytes.NewReader(src), numbers); err != nil {
			t.Fatal(err)
		}
	}
	return up, p
}

// sentParts returns the numbers of the parts that were sent after the first skip.
func sentParts(srv *osstest.Server, skip int) []int {
	var numbers []int
	for _, r := range srv.Requests("UploadPart")[skip:] {
		numbers = append(numbers, r.PartNumber)
	}
	slices.Sort(numbers)
	return numbers
}

func resumeKeepsEveryEqualPartAndSendsTheOthers(t *testing.T) {
	src := data(950) // parts 1 to 9 of 100 bytes, part 10 of 50
	for _, tt := range []struct {
		name string
		held []int
		want []int
	}{
		{"nothing held", nil, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"the first", []int{1, 2, 3}, []int{4, 5, 6, 7, 8, 9, 10}},
		{"a hole", []int{1, 2, 4, 5, 6, 7, 8, 9, 10}, []int{3}},
		{"only the tail", []int{10}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"all but the tail", []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, []int{10}},
		{"all", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up, p := begun(t, srv, src, tt.held...)
				res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
				wantObject(t, srv, src, res, err)
				if got := sentParts(srv, len(tt.held)); !slices.Equal(got, tt.want) || res.Reused != len(tt.held) {
					t.Errorf("sent parts %v, reused %d, want %v, %d", got, res.Reused, tt.want, len(tt.held))
				}
			})
		})
	}
}

func TestResumeSendsPartsAgainWhoseBytesDiffer(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		old := data(950)
		up, p := begun(t, srv, old, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		src := bytes.Clone(old)
		src[333] ^= 1
		src[949] ^= 1
		res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
		wantObject(t, srv, src, res, err)
		if got := sentParts(srv, 10); !slices.Equal(got, []int{4, 10}) || res.Reused != 8 {
			t.Errorf("sent parts %v, reused %d, want those that changed", got, res.Reused)
		}
	})
}

func unfinishedUploadsAreResumedWithoutAnyRecord(t *testing.T) {
	src := data(950)
	for name, held := range map[string][]int{"some": {2, 7}, "none": nil,
		"only the tail": {10}, "only the first": {1}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up, _ := begun(t, srv, src, held...)
				if _, err := up.Begin(t.Context(), bucket, key+".other", 1000, nil); err != nil {
					t.Fatal(err)
				}
				n := 0
				for p, err := range up.Unfinished(t.Context(), bucket, key) {
					if err != nil {
						t.Fatal(err)
					}
					n++
					res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
					wantObject(t, srv, src, res, err)
					if res.Reused != len(held) {
						t.Errorf("reused %d parts, want %d", res.Reused, len(held))
					}
				}
				if n != 1 {
					t.Errorf("%d uploads were found, want 1", n)
				}
				srv.Client().AbortMultipartUpload(t.Context(), srv.Uploads()[0].Upload)
			})
		})
	}
}

// A tail may be shorter than any part size that OSS takes, and then says nothing of the size of the others.
func TestATailTooShortForAPartSizeIsNotTakenForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		src := data(int(oss.MinPartSize * 5 / 2))
		up, _ := begunIn(t, srv, oss.MinPartSize, src, 3)
		for p, err := range up.Unfinished(t.Context(), bucket, key) {
			if err != nil {
				t.Fatal(err)
			}
			res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
			wantObject(t, srv, src, res, err)
			if res.Reused != 1 {
				t.Errorf("reused %d parts, want 1", res.Reused)
			}
		}
	})
}

func TestTheSizeOfAPlanHoldsIfNothingIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950), 10) // which could be the tenth of parts of 50, too
		src := make([]byte, 950)
		res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
		wantObject(t, srv, src, res, err)
		if res.Parts != 10 || res.Reused != 0 {
			t.Errorf("%d parts, %d reused, want 10 and none", res.Parts, res.Reused)
		}
	})
}

func TestUnfinishedYieldsTheNewestFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), settings(100))
		var want []string
		for range 3 {
			p, err := up.Begin(t.Context(), bucket, key, 1000, nil)
			if err != nil {
				t.Fatal(err)
			}
			want = slices.Insert(want, 0, p.Upload.ID)
			time.Sleep(2 * time.Second) // in the bubble
		}
		var got []string
		for p, err := range up.Unfinished(t.Context(), bucket, key) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Upload.ID)
			if err := srv.Client().AbortMultipartUpload(t.Context(), p.Upload); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("order is %v, want %v", got, want)
		}
	})
}

func TestResumeNeedsASize(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(300))
		p.Size = -1
		src := struct{ io.ReaderAt }{bytes.NewReader(data(300))}
		if _, err := up.Resume(t.Context(), p, src); err == nil || !strings.Contains(err.Error(), "set Plan.Size") {
			t.Errorf("error is %v", err)
		}
		f := tempFile(t, data(300)) // has a Stat method
		res, err := up.Resume(t.Context(), p, f)
		wantObject(t, srv, data(300), res, err)
	})
}

// Bug 5: the parts of a plan that is shorter than its source would make an object of the beginning alone.
func aSourceOfAnotherSizeThanItsPlanIsAnError(t *testing.T) {
	plan, longer, shorter := data(950), data(951), data(949)
	for _, tt := range []struct {
		name string
		src  func(t *testing.T) io.ReaderAt
	}{
		{"longer file", func(t *testing.T) io.ReaderAt { return tempFile(t, longer) }},
		{"shorter file", func(t *testing.T) io.ReaderAt { return tempFile(t, shorter) }},
		{"longer bytes", func(*testing.T) io.ReaderAt { return bytes.NewReader(longer) }},
		{"a body", func(*testing.T) io.ReaderAt { return onlyBody{bytes.NewReader(longer)} }},
		{"a type that embeds a file", func(t *testing.T) io.ReaderAt { return inverting{tempFile(t, longer)} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				up, p := begun(t, srv, plan, 1, 2)
				before := len(srv.Requests())
				_, err := up.Resume(t.Context(), p, tt.src(t))
				if !errors.Is(err, multipart.ErrSourceChanged) ||
					!strings.Contains(err.Error(), "the plan has 950 bytes and the source 9") {
					t.Errorf("Resume: %v", err)
				}
				if _, err := up.UploadParts(t.Context(), p, tt.src(t),
					nil); !errors.Is(err, multipart.ErrSourceChanged) {
					t.Errorf("UploadParts: %v", err)
				}
				if n := len(srv.Requests()) - before; n != 0 {
					t.Errorf("%d requests were sent", n)
				}
				res, err := up.Resume(t.Context(), p, struct{ io.ReaderAt }{bytes.NewReader(plan)}) // of unknown size
				wantObject(t, srv, plan, res, err)
			})
		})
	}
}

func TestResumeOfAnUploadThatIsGone(t *testing.T) {
	src := data(950)
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, src, 1, 2)
		if err := srv.Client().AbortMultipartUpload(t.Context(), p.Upload); err != nil {
			t.Fatal(err)
		}
		_, err := up.Resume(t.Context(), p, bytes.NewReader(src))
		wantNothing(t, srv, err, oss.ErrNoSuchUpload)
	})
	inBubble(t, func(t *testing.T, srv *osstest.Server) { // gone because it was completed, and the reply was lost
		up, p := begun(t, srv, src)
		if _, err := up.Resume(t.Context(), p, bytes.NewReader(src)); err != nil {
			t.Fatal(err)
		}
		res, err := up.Resume(t.Context(), p, bytes.NewReader(src))
		wantObject(t, srv, src, res, err)
		if res.Reused != 10 || len(srv.Requests("UploadPart")) != 10 {
			t.Errorf("result %+v after %d parts", res, len(srv.Requests("UploadPart")))
		}
	})
}

func TestProgressOfAResumeCountsThePartsOfThePlanThatWasFound(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		begun(t, srv, data(950), 10) // which may be the last part: the size is not known yet
		up := multipart.NewUploader(srv.Client(), &multipart.Options{Progress: func(p multipart.Progress) {
			if p.Parts != 10 {
				t.Errorf("progress %+v, want 10 parts", p)
			}
		}})
		for p, err := range up.Unfinished(t.Context(), bucket, key) {
			if err != nil {
				t.Fatal(err)
			}
			res, err := up.Resume(t.Context(), p, bytes.NewReader(data(950)))
			wantObject(t, srv, data(950), res, err)
		}
	})
}

func TestASourceIsNotReadForAnObjectOfAnotherSize(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950))
		if err := srv.Client().AbortMultipartUpload(t.Context(), p.Upload); err != nil {
			t.Fatal(err)
		}
		srv.PutObject(bucket, key, data(949))
		_, err := up.Resume(t.Context(), p, unreadable{})
		if !errors.Is(err, oss.ErrNoSuchUpload) {
			t.Errorf("error is %v", err)
		}
	})
}

// unreadable is a source whose reads panic.
type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { panic("read") }

func TestResumeNeverAborts(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950), 1)
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 5, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		_, err := up.Resume(t.Context(), p, bytes.NewReader(data(950)))
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		if ue.Aborted || len(srv.Uploads()) != 1 || ue.Stored < 100 {
			t.Errorf("UploadError %+v, OSS holds %v", ue, srv.Uploads())
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}
