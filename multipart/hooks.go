package multipart

import (
	"context"
	"time"
)

// Hooks observe the uploads of an Uploader as a whole, for traces and metrics. Any of them may be nil. They must be
// safe for concurrent use. They get the same numbers as Options.Progress and Result.Stats.
//
// Each call of UploadFile, Upload, UploadBody, Copy, Clone, Resume, UploadParts or Finish is one upload, and so is each
// file of UploadFS. A Writer is one upload until it is truncated or suspended, and another one after that. A call that
// is refused before its first request is not an upload.
type Hooks struct {
	// OnStart runs before the first request, in the goroutine of the call or in that of the Writer, and delays the
	// upload. The context that it returns, with a span for example, becomes that of the upload and its requests. Nil
	// keeps ctx.
	OnStart func(ctx context.Context, p Progress) context.Context

	// OnWait runs when the upload begins to wait, because OSS throttles or cannot be reached, and again, with a zero
	// Progress.WaitingSince, when it continues. It runs in the goroutine of Options.Progress, which delays no part. A
	// wait that is over before that goroutine sees it is left out; Stats.Waited has it.
	OnWait func(ctx context.Context, p Progress)

	// OnEnd runs in the goroutine of OnStart, before the call, Close or Suspend returns. err is the error that the
	// caller gets. A nil err means that the object exists if Stats.Complete is set. Otherwise it means that the parts
	// are stored, by UploadParts or by a Writer that is suspended.
	OnEnd func(ctx context.Context, p Progress, s Stats, err error)
}

// Stats are the numbers of one upload. See Hooks for what that is.
type Stats struct {
	Bytes    int64         // that OSS has confirmed in this upload
	Parts    int           // that OSS has confirmed in this upload; 0 if one request stored the object
	Reused   int           // parts that OSS held before
	Requests int64         // that may have reached OSS, with those that were repeated
	Retries  int64         // of those, the requests that repeated a failed one
	Hedges   int           // parts that were sent twice because the first request was slow
	Waited   time.Duration // while OSS throttled or could not be reached
	Duration time.Duration // of the whole upload
	Complete bool          // the object exists
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

// sum returns the state and the numbers of an upload that has ended.
func (m *meter) sum() (Progress, Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Waited += waited(&m.state)
	s.Duration = time.Since(m.began)
	s.Complete = m.complete
	if m.count != nil {
		s.Requests, s.Retries = m.count.Requests.Load(), m.count.Retries.Load()
	}
	return m.state, s
}
