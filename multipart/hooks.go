package multipart

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
)

// Hooks observe the uploads of an Uploader, for traces and metrics: one upload, copy or leg of a Writer each, as a
// whole. Those of DownloadOptions observe the downloads of a Downloader in the same way. Any of them may be nil. They
// must be safe for concurrent use. They see the same numbers as Options.Progress and Result.Stats.
//
// A call of UploadFile, Upload, UploadBody, Copy, Clone, Resume, UploadParts or Finish is one upload. A Writer that is
// truncated or suspended is one upload until then, and another one after. A call of DownloadFile or Download is one
// download, and so is a Reader until its Close. A call that is refused before the first request is none, and so is a
// file that DownloadTree leaves out.
type Hooks struct {
	// OnStart runs before the first request, in the goroutine of the call or in that of the Writer, and delays the
	// upload. The context that it returns, with a span for example, becomes that of the upload and its requests. Nil
	// keeps ctx.
	OnStart func(ctx context.Context, p Progress) context.Context

	// OnWait runs when the upload begins to wait, because OSS throttles or cannot be reached, and again, with a zero
	// Progress.WaitingSince, when it continues. It runs in the goroutine of Options.Progress, which delays no part. A
	// wait that is over before that goroutine sees it is left out; Stats.Waited has it.
	OnWait func(ctx context.Context, p Progress)

	// OnEnd runs once for each OnStart, before the call, Close or Suspend returns or panics. Err is that of the caller,
	// of a Reader that of its last Read, and not nil if code of the caller panicked. A nil err means that the object
	// exists, or that all of it was received, if Stats.Complete is set. Otherwise it means that the parts are stored,
	// by UploadParts or by a Writer that is suspended, or that a Reader was closed before it returned io.EOF.
	OnEnd func(ctx context.Context, p Progress, s Stats, err error)
}

// Stats are the numbers of one upload or download. See Hooks for what that is. The parts of a download are its ranges.
type Stats struct {
	Bytes    int64         // that OSS has confirmed in this upload, or that were received in whole ranges
	Parts    int           // that hold these bytes; 0 if one request transferred the object
	Reused   int           // parts that OSS held before, or that an earlier DownloadFile had fetched
	Requests int64         // that may have reached OSS, with those that were repeated
	Retries  int64         // of those, the requests that repeated a failed one
	Hedges   int           // parts that were requested twice because the first request was slow
	Waited   time.Duration // while OSS throttled or could not be reached
	Duration time.Duration // of the whole upload or download
	Complete bool          // the object exists, or all of it was received
}

// observers are what of the caller observes an upload or a download.
type observers struct {
	hooks    Hooks
	progress func(Progress)
	guard    *guard // keeps a panic of progress and OnWait
}

// observe calls OnStart and starts the meter of an upload or a download. Requests of the context are counted and
// governed. The function that it returns takes the error of the caller: it stops the meter, calls OnEnd, and panics
// again if code of the caller panicked. Common is the header of probes.
func (s *service) observe(
	ctx context.Context, begin Progress, common http.Header, o observers,
) (context.Context, *meter, func(error) Stats) {
	ctx, count := reqstats.NewContext(o.hooks.start(ctx, begin))
	m := &meter{guard: o.guard, report: o.hooks.reporter(ctx, o.progress), count: count,
		state: begin, stats: Stats{Reused: begin.PartsDone}, began: time.Now()}
	governed, cancel := context.WithCancelCause(s.governed(ctx, begin.Bucket, begin.Key, common, m.waits))
	m.cancel = cancel
	m.start()
	return governed, m, func(err error) Stats {
		defer cancel(nil)
		m.close()
		p, stats := m.sum()
		o.hooks.end(ctx, p, stats, cmp.Or(err, o.guard.caught()))
		o.guard.rethrow()
		return stats
	}
}

func (h Hooks) start(ctx context.Context, p Progress) context.Context {
	if h.OnStart == nil {
		return ctx
	}
	if own := h.OnStart(ctx, p); own != nil {
		return own
	}
	return ctx
}

func (h Hooks) end(ctx context.Context, p Progress, s Stats, err error) {
	if h.OnEnd != nil {
		h.OnEnd(ctx, p, s, err)
	}
}

// reporter returns the callback of a meter, which calls progress and OnWait, or nil if there is neither.
func (h Hooks) reporter(ctx context.Context, progress func(Progress)) func(Progress) {
	if h.OnWait == nil {
		return progress
	}
	waiting := false
	return func(p Progress) {
		if now := !p.WaitingSince.IsZero(); now != waiting {
			waiting = now
			h.OnWait(ctx, p)
		}
		if progress != nil {
			progress(p)
		}
	}
}

// sum returns the state and the numbers of an upload or a download that has ended.
func (m *meter) sum() (Progress, Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Waited += waited(&m.state)
	s.Duration = time.Since(m.began)
	s.Complete = m.complete
	s.Requests, s.Retries = m.count.Requests.Load(), m.count.Retries.Load()
	return m.state, s
}
