package multipart_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestSeveralMachinesUploadOneObject(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		src := data(950)
		coordinator := multipart.NewUploader(srv.Client(), settings(100))
		plan, err := coordinator.Begin(t.Context(), bucket, key, int64(len(src)),
			&oss.ObjectOptions{ContentType: "text/x-test"})
		if err != nil {
			t.Fatal(err)
		}
		message, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		const machines = 3
		var wg sync.WaitGroup
		for i := range machines {
			wg.Go(func() {
				var p multipart.Plan
				if err := json.Unmarshal(message, &p); err != nil {
					t.Error(err)
				}
				worker := multipart.NewUploader(srv.Client(), nil) // with options of its own
				parts, err := worker.UploadParts(t.Context(), p, bytes.NewReader(src), p.Share(i, machines))
				if err != nil || len(parts) != len(p.Share(i, machines)) {
					t.Errorf("machine %d: %v, %v", i, parts, err)
				}
				if _, err := worker.UploadParts(t.Context(), p, bytes.NewReader(src),
					p.Share(i, machines)[:1]); err != nil {
					t.Errorf("sending a part twice: %v", err)
				}
			})
		}
		wg.Wait()
		res, err := coordinator.Finish(t.Context(), plan, nil)
		wantObject(t, srv, src, res, err)
		if obj, _ := srv.Stat(bucket, key); obj.Header.Get("Content-Type") != "text/x-test" {
			t.Errorf("Content-Type is %q", obj.Header.Get("Content-Type"))
		}
	})
}

func TestUploadPartsReturnsWhatArrivedAndAbortsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, Concurrency: 1})
		p, err := up.Begin(t.Context(), bucket, key, 950, nil)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), nil)
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		var numbers []int
		for _, part := range parts {
			numbers = append(numbers, part.Number)
		}
		if !slices.Equal(numbers, []int{1, 2, 3}) || ue.Aborted || ue.Failed[0].Number != 4 || len(srv.Uploads()) != 1 {
			t.Errorf("parts %v, error %+v, OSS holds %v", numbers, ue, srv.Uploads())
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}

func TestFinishCompletesOnlyWhatIsWhole(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950), 1, 2, 3, 5, 6, 7, 8, 9, 10)
		_, err := up.Finish(t.Context(), p, nil)
		if err == nil ||
			!strings.Contains(err.Error(), "1 of 10 parts are missing or have another size, the first is part 4") {
			t.Errorf("Finish with a hole: %v", err)
		}
		if _, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), []int{4}); err != nil {
			t.Fatal(err)
		}
		res, err := up.Finish(t.Context(), p, nil)
		wantObject(t, srv, data(950), res, err)
	})
}

func finishNoticesPartsOfAnotherWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950))
		parts, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := up.UploadParts(t.Context(), p, bytes.NewReader(make([]byte, 950)), []int{3}); err != nil {
			t.Fatal(err) // another program replaces part 3
		}
		if _, err := up.Finish(t.Context(), p, parts); !errors.Is(err, oss.ErrInvalidPart) {
			t.Errorf("Finish: %v, want InvalidPart", err)
		}
		srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
	})
}

func TestStepsRefusePlansThatCannotBe(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	good := multipart.Plan{Upload: oss.Upload{Bucket: bucket, Key: key, ID: "X"}, Size: 1 << 20, PartSize: 1 << 20}
	src := bytes.NewReader(data(10))
	for _, tt := range []struct {
		change func(*multipart.Plan)
		want   string
	}{
		{func(p *multipart.Plan) { p.Upload.ID = "" }, "multipart: plan has no upload ID"},
		{func(p *multipart.Plan) { p.Upload.Bucket = "" }, "oss: bucket name is empty"},
		{func(p *multipart.Plan) { p.Size = 0 }, "multipart: plan size 0 is less than 1 byte"},
		{func(p *multipart.Plan) { p.PartSize = 99 << 10 },
			"part size 101376 of the plan is not between 102400 and 5368709120 bytes"},
		{func(p *multipart.Plan) { p.Size = 10001 << 20 }, "multipart: plan has 10001 parts, more than 10000"},
	} {
		p := good
		tt.change(&p)
		_, uploadErr := up.UploadParts(t.Context(), p, src, nil)
		_, finishErr := up.Finish(t.Context(), p, nil)
		for _, err := range []error{uploadErr, finishErr} {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v: %v, want %s", p, err, tt.want)
			}
		}
	}
	for _, number := range []int{0, 2, -1} {
		if _, err := up.UploadParts(t.Context(), good, src, []int{number}); err == nil {
			t.Errorf("part %d of 1 was taken", number)
		}
	}
	if _, err := up.Begin(t.Context(), bucket, key, 0, nil); err == nil {
		t.Error("Begin took 0 bytes")
	}
	if _, err := up.Begin(t.Context(), bucket, key, 1, &oss.ObjectOptions{ACL: "private"}); err == nil {
		t.Error("Begin took an ACL, which no later request would set")
	}
	if _, err := up.Begin(t.Context(), bucket, key, 1,
		&oss.ObjectOptions{Header: map[string][]string{"x-oss-request-payer": {"requester"}}}); err == nil {
		t.Error("Begin took a payer, whom the parts would not name")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAPlanCarriesForbidOverwriteToItsEnd(t *testing.T) {
	for _, how := range []string{"Finish", "Resume"} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			up := multipart.NewUploader(srv.Client(), settings(100))
			p, err := up.Begin(t.Context(), bucket, key, 950, &oss.ObjectOptions{ForbidOverwrite: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), nil); err != nil {
				t.Fatal(err)
			}
			srv.PutObject(bucket, key, []byte("another writer was faster"))
			if how == "Finish" {
				_, err = up.Finish(t.Context(), p, nil)
			} else {
				_, err = up.Resume(t.Context(), p, bytes.NewReader(data(950)))
			}
			if !errors.Is(err, oss.ErrAlreadyExists) {
				t.Errorf("%s: %v, want ErrAlreadyExists", how, err)
			}
			srv.Client().AbortMultipartUpload(t.Context(), p.Upload)
		})
	}
}

func TestThePlanOfAFailedUploadCarriesForbidOverwrite(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		broken := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2,
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100, KeepParts: true})
		_, err := up.Upload(t.Context(), bucket, key, bytes.NewReader(data(950)),
			&oss.ObjectOptions{ForbidOverwrite: true})
		ue := wantNothing(t, srv, err, oss.ErrAccessDenied)
		broken.Remove()
		srv.PutObject(bucket, key, []byte("another writer was faster"))
		if res, err := up.Resume(t.Context(), ue.Plan,
			bytes.NewReader(data(950))); !errors.Is(err, oss.ErrAlreadyExists) {
			t.Errorf("Resume = %+v, %v, want ErrAlreadyExists", res, err)
		}
		srv.Client().AbortMultipartUpload(t.Context(), ue.Plan.Upload)
	})
}

func TestAPartThatTwoWorkersSentIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950))
		var parts []oss.Part
		for _, numbers := range [][]int{{4, 5, 6, 7, 8, 9, 10}, {1, 2, 3, 4, 5}} {
			sent, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), numbers)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, sent...)
		}
		res, err := up.Finish(t.Context(), p, parts)
		wantObject(t, srv, data(950), res, err)
	})
}

func TestSweepEndsOldUploadsAndCountsThem(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, old := begun(t, srv, data(950), 1, 2, 10)
		time.Sleep(8 * 24 * time.Hour) // in the bubble
		_, young := begun(t, srv, data(950), 1)
		for _, dry := range []bool{true, false} {
			var swept []multipart.Swept
			for s, err := range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{DryRun: dry}) {
				if err != nil {
					t.Fatal(err)
				}
				swept = append(swept, s)
			}
			if len(swept) != 1 || swept[0].Upload != old.Upload || swept[0].Parts != 3 || swept[0].Size != 250 {
				t.Errorf("dry %v: swept %+v", dry, swept)
			}
			if want := map[bool]int{true: 2, false: 1}[dry]; len(srv.Uploads()) != want {
				t.Errorf("dry %v: OSS holds %d uploads, want %d", dry, len(srv.Uploads()), want)
			}
		}
		for s, err := range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: 1, Prefix: "another/"}) {
			t.Errorf("swept %+v, %v of another prefix", s, err)
		}
		time.Sleep(time.Second)
		for range up.Sweep(t.Context(), bucket,
			&multipart.SweepOptions{OlderThan: 1,
				Select: func(i oss.UploadInfo) bool { return i.Upload == young.Upload }}) {
		}
	})
}

// Row 14, e10: an upload begun long ago that has just got a part is in use.
func TestSweepJudgesAnUploadByItsNewestPart(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up, p := begun(t, srv, data(950), 1, 2)
		sweep := func() (n int) {
			for swept, err := range up.Sweep(t.Context(), bucket, nil) {
				if n++; err != nil {
					t.Errorf("%+v, %v", swept, err)
				}
			}
			return n
		}
		time.Sleep(8 * 24 * time.Hour) // in the bubble
		if _, err := up.UploadParts(t.Context(), p, bytes.NewReader(data(950)), []int{3}); err != nil {
			t.Fatal(err)
		}
		if n := sweep(); n != 0 || len(srv.Uploads()) != 1 {
			t.Errorf("%d uploads were ended that are in use", n)
		}
		time.Sleep(8 * 24 * time.Hour)
		if n := sweep(); n != 1 {
			t.Errorf("%d uploads were ended, want 1", n)
		}
	})
}

func TestSweepGoesOnAfterAnUploadThatCannotBeEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		up := multipart.NewUploader(srv.Client(), settings(100))
		for _, k := range []string{"a", "b", "c"} {
			if _, err := up.Begin(t.Context(), bucket, k, 1000, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		stuck := srv.Inject(osstest.Fault{Op: "AbortMultipartUpload", Key: "b",
			Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		failed := 0
		for s, err := range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Second}) {
			if (err != nil) != (s.Key == "b") {
				t.Errorf("%s: %v", s.Key, err)
			}
			if err != nil {
				failed++
			}
		}
		if left := srv.Uploads(); len(left) != 1 || left[0].Key != "b" || failed != 1 {
			t.Errorf("OSS holds %v after %d failures", left, failed)
		}
		stuck.Remove()
		for range up.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Second}) {
		}
	})
}
