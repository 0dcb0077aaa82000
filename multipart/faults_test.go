package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	schedules = flag.Int("schedules", 400, "how many random fault schedules to run")
	schedule  = flag.Uint64("schedule", 0, "run only the schedule with this seed")
)

// Law: whatever goes wrong, in whatever order, a nil error means that the object is the source, and
// any other that there is none of ours or that nobody can know; OSS holds nothing unfinished unless
// the error says so; and the call ends in time.
func TestNoFaultScheduleMakesAnUploadLie(t *testing.T) {
	seeds := make([]uint64, *schedules)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *schedule != 0 {
		seeds = []uint64{*schedule}
	}
	outcomes := make(map[string]int)
	for _, seed := range seeds {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			outcomes[runSchedule(t, srv, rand.New(rand.NewPCG(seed, 0)))]++
			if t.Failed() {
				t.Logf("to run it again: go test -run %s ./multipart -schedule %d", t.Name(), seed)
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("outcomes: %v", outcomes)
	if *schedule == 0 && (outcomes["stored"] == 0 || outcomes["failed"] == 0) {
		t.Errorf("outcomes %v: the schedules do not show both success and failure", outcomes)
	}
}

// runSchedule uploads something of a random kind under random faults, checks the law, and returns
// what came of it.
func runSchedule(t *testing.T, srv *osstest.Server, rnd *rand.Rand) string {
	ops := []string{"InitiateMultipartUpload", "UploadPart", "UploadPart", "UploadPart", "CompleteMultipartUpload", "PutObject",
		"AbortMultipartUpload", "ListParts", "HeadObject"}
	effects := []osstest.Effect{
		osstest.Fail(500, "InternalError"), osstest.Fail(503, "ServiceUnavailable"), osstest.Fail(400, "RequestTimeout"),
		osstest.Fail(403, oss.ErrAccessDenied), osstest.Drop(), osstest.LoseReply(), osstest.Delay(time.Second), osstest.Hang(),
	}
	var faults []string
	var injected []*osstest.Injection
	for range rnd.IntN(5) {
		f := osstest.Fault{Op: ops[rnd.IntN(len(ops))], Skip: rnd.IntN(3), Times: 1 + rnd.IntN(5)}
		n := rnd.IntN(len(effects) + 3)
		switch {
		case n < len(effects):
			f.Effect = effects[n]
		case f.Op != "UploadPart" && f.Op != "PutObject":
			f.Effect = osstest.Drop()
		default:
			f.Effect = []osstest.Effect{osstest.Corrupt(), osstest.Truncate(int64(rnd.IntN(100))), osstest.Slow(50)}[n-len(effects)]
		}
		injected = append(injected, srv.Inject(f))
		faults = append(faults, fmt.Sprintf("%+v", f))
	}
	older := rnd.IntN(4) == 0
	if older {
		srv.PutObject(bucket, key, []byte("an older object"))
	}
	want := data(rnd.IntN(1200))
	var src io.Reader = bytes.NewReader(want)
	if rnd.IntN(2) == 0 {
		src = plainReader{src}
	}
	ctx := t.Context()
	if rnd.IntN(4) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Millisecond)
		defer cancel()
	}
	up := multipart.NewUploader(srv.Client(), &multipart.Options{
		PartSize: 100, Concurrency: 1 + rnd.IntN(6), Checksum: oss.Checksum(rnd.IntN(2)),
	})
	opts := &oss.ObjectOptions{ForbidOverwrite: !older && rnd.IntN(4) == 0}
	began := time.Now()
	res, err := up.Upload(ctx, bucket, key, src, opts)
	took := time.Since(began)

	bad := func(format string, args ...any) {
		t.Errorf(format, args...)
		t.Logf("faults %v, %d bytes, result %+v, error %v", faults, len(want), res, err)
	}
	obj, exists := srv.Object(bucket, key)
	ours := exists && bytes.Equal(obj.Data, want)
	if took > 30*time.Minute {
		bad("it took %v", took)
	}
	var ue *multipart.UploadError
	if err != nil && !errors.As(err, &ue) {
		bad("the error is no *UploadError")
		return "failed"
	}
	for _, left := range srv.Uploads() {
		// What a lost reply to Initiate leaves is not known by its ID; it has no part.
		reported := len(left.Parts) == 0
		if ue != nil && left.Upload == ue.Plan.Upload {
			reported = !ue.Aborted && (ue.AbortErr != nil || errors.Is(err, multipart.ErrOutcomeUnknown))
		}
		if !reported {
			bad("%v is left with %d parts, and nothing says so", left.Upload, len(left.Parts))
		}
		for _, i := range injected {
			i.Remove()
		}
		if err := srv.Client().AbortMultipartUpload(context.Background(), left.Upload); err != nil {
			t.Error(err)
		}
	}
	switch {
	case err == nil:
		wantObject(t, srv, want, res, err)
		return "stored"
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		return "unknown"
	case ours:
		bad("the upload failed, and the object was made")
	}
	return "failed"
}
