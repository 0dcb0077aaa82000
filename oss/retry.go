package oss

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
)

// This file is the only one that knows go-retryablehttp. The library drives the attempts: how many,
// and the waiting between them. What it is known to get wrong for uploads is kept out of its reach:
//
//   - bodies: it would send a section chunked and without a length, and read a plain reader whole.
//     It gets none; each attempt makes its own (see call).
//   - logs and errors with full URLs: it gets no logger, and its errors are replaced by ours.
//   - the last reply: it hides it; we keep it as the ServiceError of the last attempt.
//   - idle connections: it closes those of its client after every failure. Its client has a call as
//     its transport, which has none to close.
//   - Retry-After without a bound: the backoff is ours.

// A driver is what the library wants of a call, in one piece of memory with it.
type retryer struct {
	retryablehttp.Client
	http http.Client
}

// run makes attempts until one succeeds, one fails for good, or they are used up.
func (k *call) run(ctx context.Context) (*http.Response, error) {
	d := &k.retryer
	d.http = k.client.http
	d.http.Transport = k
	d.HTTPClient = &d.http
	d.RetryMax = math.MaxInt // again counts them
	d.CheckRetry = k.checkRetry
	d.Backoff = func(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait } // RetryWaitMin, that is
	d.ErrorHandler = retryablehttp.PassthroughErrorHandler
	k.start = time.Now()
	k.deadline, _ = ctx.Deadline()
	if gate := flow.GateOf(ctx); gate != nil {
		var err error
		if k.gate, err = gate.Begin(ctx); err != nil {
			return nil, fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), err)
		}
	}
	shell := http.Request{Method: cmp.Or(k.request.Method, http.MethodGet), URL: &k.url, Header: http.Header{}}
	resp, err := d.Do(&retryablehttp.Request{Request: shell.WithContext(ctx)})
	if err == nil || fromService(k.last) && !k.last.(*ServiceError).temporary() {
		k.client.budget.Succeeded(k.budgetTaken) // a refusal that stays is an answer too
	}
	if err != nil {
		return nil, k.finalError(ctx, err)
	}
	return resp, nil
}

// again decides after each attempt whether there is another, and tells hooks and log. It waits for the Gate of the
// context, if there is one; otherwise go-retryablehttp waits.
func (k *call) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if k.last == nil {
		k.last = err // of the http.Client itself
	}
	if k.isAnswer(err) && !k.client.answered.Load() {
		k.client.answered.Store(true)
	}
	var failure flow.Failure
	if err != nil && ctx.Err() == nil {
		failure = k.assess(ctx, k.gate != nil)
	}
	k.reply.RetryIn, k.retryer.RetryWaitMin = failure.Wait, failure.Wait
	k.recordStats(ctx, err)
	k.client.hooks.attempt(ctx, k.op, k.reply)
	logAttempt(ctx, k.client.log, k.op, k.reply)
	if failure.Wait == 0 {
		return false, nil
	}
	if k.gate != nil && failure.Err != nil {
		k.retryer.RetryWaitMin = immediately
		k.gateErr = k.gate.Retry(ctx, failure)
	}
	return k.gateErr == nil, k.gateErr
}

// repeat describes the failure of the last attempt. The Wait is 0 if no attempt may follow, and the Err is nil if the next
// one corrects the last and follows at once.
func (k *call) assess(ctx context.Context, gated bool) flow.Failure {
	f := flow.Failure{Err: k.last, Attempt: k.attempts, MaxAttempt: k.client.retry.Attempts}
	f.Kind = kindOf(k.last, k.evidence, k.client.answered.Load())
	var timeout *timeoutError
	if errors.As(k.last, &timeout) {
		f.Idle = timeout.idle
	}
	if k.failuresAlike = k.attempts; gated {
		k.failures[f.Kind]++
		k.failuresAlike = k.failures[f.Kind]
	}
	skewed, renewed := k.clockFixed, k.refreshed
	k.retryAfter = 0
	f.Wait = k.delay(ctx, k.last)
	f.RetryAfter = k.retryAfter
	if k.clockFixed != skewed || k.refreshed != renewed {
		f.Err = nil
	}
	bounded := !gated || f.Kind == flow.Temporary // by numbers; the Gate bounds the others by time
	if bounded && k.failuresAlike >= k.client.retry.Attempts {
		f.Wait = 0 // what was learnt of clock and keys is for the next call
	}
	if bounded && f.Wait > 0 && f.Err != nil {
		if k.budgetEmpty = !k.client.budget.Take(); k.budgetEmpty {
			f.Wait = 0
		} else {
			k.budgetTaken++
		}
	}
	return f
}

// count tells the Count of the context of the last attempt. An attempt that sent nothing tells nothing, and nor does
// one that package multipart has cancelled since another request has done its work.
func (k *call) recordStats(ctx context.Context, err error) {
	if k.evidence.unsent || err != nil && context.Cause(ctx) == reqstats.ErrSuperseded {
		return
	}
	reqstats.FromContext(ctx).Record(k.reply.StatusCode, err == nil || fromService(k.last), k.replyDate)
}

// understood reports whether it was OSS that refused, and not a proxy, who may have passed the request on.
func fromService(err error) bool {
	refused, ok := err.(*ServiceError)
	return ok && refused.Code != ""
}

// atOnce is the shortest wait.
const immediately = time.Nanosecond

// delay returns how long to wait before the attempt after one that failed with err; 0 means that
// there is none to make.
func (k *call) delay(ctx context.Context, err error) time.Duration {
	if !k.request.repeatable(err) {
		k.explainNoRetry()
		return 0
	}
	refused, ok := err.(*ServiceError) // one that is wrapped is why a body or keys could not be had: no answer to this request
	if !ok {
		if !transient(err) {
			return 0
		}
		return k.backoff()
	}
	switch refused.Code {
	case "RequestTimeTooSkewed":
		if k.clockFixed || !k.client.learnClock(refused) {
			return 0
		}
		k.clockFixed = true
		return immediately
	}
	if rejectsKeys(refused.Code) {
		if k.refreshKeys(ctx) {
			return immediately
		}
		return 0
	}
	if !refused.temporary() && !k.evidence.broken {
		return 0
	}
	if d, ok := refused.retryAfter(k.client.Now()); ok {
		k.retryAfter = d
		return max(d, immediately)
	}
	return k.backoff()
}

// notRepeated adds to the error of the last attempt why it is final, unless it is one to be told apart by its type.
func (k *call) explainNoRetry() {
	switch k.last.(type) {
	case *ServiceError, *ChecksumError:
	default:
		if k.request.Repeat == RepeatByMethod && transient(k.last) {
			k.last = fmt.Errorf("%w; not repeated, since OSS may have done the work", k.last)
		}
	}
}

// backoff doubles from MinWait to MaxWait and draws from the upper half, so that workers that were
// refused together do not come back together.
func (k *call) backoff() time.Duration {
	r := k.client.retry
	d := r.MaxWait
	if shift := k.failuresAlike - 1; shift < 30 && r.MinWait<<shift>>shift == r.MinWait {
		d = min(d, r.MinWait<<shift)
	}
	return d/2 + rand.N(d/2+1) + 1
}

// transient tells errors of the line, which come and go, from those that stay.
func transient(err error) bool {
	var permanent *permanentError
	var source *sourceError
	var cert *tls.CertificateVerificationError
	return !errors.As(err, &permanent) && !errors.As(err, &source) && !errors.As(err, &cert)
}

// temporary reports whether the same request may succeed later.
//
// See https://help.aliyun.com/en/oss/user-guide/error-responses
func (e *ServiceError) temporary() bool {
	switch e.Code {
	case "RequestTimeout", // 400: OSS waited too long for the body
		"IncompleteBody", ErrInvalidDigest, "InvalidCRC64": // the body was damaged on its way
		return true
	case "NotImplemented":
		return false
	}
	switch e.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return e.StatusCode >= 500
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the Retry-After header, in seconds or as a date. The clock of a date is that of
// the reply, and now only if the reply does not tell it.
func (e *ServiceError) retryAfter(now time.Time) (time.Duration, bool) {
	if sent, err := http.ParseTime(e.Header.Get("Date")); err == nil {
		now = sent
	}
	h := e.Header.Get("Retry-After")
	if s, err := strconv.Atoi(h); err == nil && s >= 0 {
		return min(time.Duration(min(s, 1<<20))*time.Second, maxRetryAfter), true
	}
	if at, err := http.ParseTime(h); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter), true
	}
	return 0, false
}

// learnClock takes the difference of the clocks from the Date of a reply. It reports whether that
// explains the refusal, so that a request signed with the corrected time is worth sending.
func (c *Client) learnClock(e *ServiceError) bool {
	theirs, err := http.ParseTime(e.Header.Get("Date"))
	if err != nil {
		return false
	}
	c.skew.Store(int64(theirs.Sub(c.now())))
	return true
}

// failure makes the error the caller gets. A call that was cancelled says so, and in its text also
// what it was retrying. The error of one that a Gate has ended is both: the Gate's, and that of the last attempt.
func (k *call) finalError(ctx context.Context, err error) error {
	if k.last != nil {
		err = k.last
	}
	tried := describeAttempts(k.attempts, time.Since(k.start))
	if k.gateErr != nil {
		return fmt.Errorf("oss: %s %s: %w, after %s: %w", k.op.Name, k.where(), k.gateErr, tried, k.asChecksumError(err))
	}
	if cancelled := ctx.Err(); cancelled != nil {
		if errors.Is(err, cancelled) {
			return fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), cancelled)
		}
		return fmt.Errorf("oss: %s %s: %w, after %s: %v", k.op.Name, k.where(), cancelled, tried, err)
	}
	const starved = "not repeated, because too many operations of this Client fail"
	switch err := k.asChecksumError(err).(type) {
	case *ServiceError, *ChecksumError: // they say by themselves what failed
		if k.budgetEmpty {
			return fmt.Errorf("%w; %s", err, starved)
		}
		return err
	}
	if k.budgetEmpty {
		err = fmt.Errorf("%w; %s", err, starved)
	}
	var permanent *permanentError
	if errors.As(err, &permanent) {
		err = permanent.err
	}
	if k.attempts > 1 {
		return fmt.Errorf("oss: %s %s: after %s: %w", k.op.Name, k.where(), tried, err)
	}
	return fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), err)
}

// final returns err, or the ChecksumError that it means.
func (k *call) asChecksumError(err error) error {
	if refused, ok := err.(*ServiceError); ok && (refused.Code == ErrInvalidDigest || refused.Code == "InvalidCRC64") {
		return &ChecksumError{Op: k.op.Name, Bucket: k.op.Bucket, Key: k.op.Key, PartNumber: k.op.PartNumber, Err: refused}
	}
	if damaged, ok := err.(*ChecksumError); ok {
		told := *damaged // a hook may have kept the other
		told.Attempts, told.Elapsed = k.attempts, time.Since(k.start)
		return &told
	}
	return err
}

// where names the addressed resource, and the part.
func (k *call) where() string { return where(k.op.Bucket, k.op.Key, k.op.PartNumber) }
