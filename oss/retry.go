package oss

import (
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

	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
)

// This is the only file that uses go-retryablehttp. The library drives the attempts and waits between them. Some of its
// features are wrong for uploads and are not used:
//
//   - Bodies: it would send a section chunked and without a length, and read a plain reader into memory. It gets none;
//     each attempt opens its own (see attempt).
//   - Logs and errors with full URLs: it gets no logger, and its errors are replaced.
//   - The last response: it hides it. It is kept as the ServiceError of the last attempt.
//   - Idle connections: it closes those of its client after every failure. Its client has a call as its transport,
//     which has none to close.
//   - Retry-After without a limit: checkRetry computes every wait.

// A retryer is the client of go-retryablehttp and its http.Client, allocated together with the call.
type retryer struct {
	retryablehttp.Client
	http http.Client
}

// run makes attempts until one succeeds, one fails permanently, or the limits are reached.
func (k *call) run(ctx context.Context) (*http.Response, error) {
	d := &k.retryer
	d.http = k.client.http
	d.http.Transport = k
	d.HTTPClient = &d.http
	d.RetryMax = math.MaxInt // checkRetry counts them
	d.CheckRetry = k.checkRetry
	// The wait is RetryWaitMin, which checkRetry sets.
	d.Backoff = func(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait }
	d.ErrorHandler = retryablehttp.PassthroughErrorHandler
	k.start = time.Now()
	k.deadline, _ = ctx.Deadline()
	if gate := flow.GateOf(ctx); gate != nil {
		var err error
		if k.gate, err = gate.Begin(ctx); err != nil {
			return nil, fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), err)
		}
	}
	shell := http.Request{Method: k.op.Method, URL: &k.op.URL, Header: http.Header{}}
	resp, err := d.Do(&retryablehttp.Request{Request: shell.WithContext(ctx)})
	if err == nil || fromService(k.last) && !k.last.(*ServiceError).temporary() {
		k.client.budget.Succeeded(k.budgetTaken) // a final refusal shows that the service works
	}
	if err != nil {
		return nil, k.finalError(ctx, err)
	}
	return resp, nil
}

// checkRetry decides after each attempt whether another follows, and calls hooks and logs. It waits itself if the
// context has a Gate; otherwise go-retryablehttp waits.
func (k *call) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if k.last == nil {
		k.last = err // an error of the http.Client, which made no attempt
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

// assess describes the failure of the last attempt. Wait is 0 if no attempt may follow. Err is nil if the next attempt
// corrects the cause, and follows immediately.
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
	bounded := !gated || f.Kind == flow.Temporary // by number; the Gate limits other kinds by time
	if bounded && k.failuresAlike >= k.client.retry.Attempts {
		f.Wait = 0 // the corrected clock and keys serve the next call
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

// recordStats records the last attempt in the Stats of the context. An attempt that sent nothing is not recorded, nor
// is one that package multipart cancelled because another request has done its work.
func (k *call) recordStats(ctx context.Context, err error) {
	if k.evidence.unsent || err != nil && context.Cause(ctx) == reqstats.ErrSuperseded {
		return
	}
	reqstats.FromContext(ctx).Record(k.attempts, k.reply.StatusCode, err == nil || fromService(k.last), k.replyDate)
}

// fromService reports whether err is a refusal by OSS itself. The error page of a proxy is not: the request may have
// been forwarded.
func fromService(err error) bool {
	refused, ok := err.(*ServiceError)
	return ok && refused.Code != ""
}

// immediately is the shortest wait.
const immediately = time.Nanosecond

// delay returns how long to wait before the attempt that follows one which failed with err; 0 if none may follow.
func (k *call) delay(ctx context.Context, err error) time.Duration {
	if !k.request.repeatable(err) {
		k.explainNoRetry()
		return 0
	}
	// Not errors.As: a wrapped ServiceError comes from the body or the credentials provider.
	refused, ok := err.(*ServiceError)
	if !ok {
		if !transient(err) {
			return 0
		}
		return k.client.retry.backoff(k.failuresAlike)
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
	return k.client.retry.backoff(k.failuresAlike)
}

// explainNoRetry adds to the error of the last attempt why it is final, unless callers tell it by its type.
func (k *call) explainNoRetry() {
	switch k.last.(type) {
	case *ServiceError, *ChecksumError:
	default:
		if k.request.Repeat == RepeatByMethod && transient(k.last) {
			k.last = fmt.Errorf("%w; %w", k.last, errMayBeDone)
		}
	}
}

// errMayBeDone is part of the error of an operation that is not repeated.
var errMayBeDone = errors.New("not repeated, since OSS may have done the work")

// backoff doubles from MinWait to MaxWait, and is drawn from the upper half of that, so that workers which failed
// together do not retry together.
func (r Retry) backoff(failures int) time.Duration {
	d := r.MaxWait
	if shift := failures - 1; shift < 30 && r.MinWait<<shift>>shift == r.MinWait {
		d = min(d, r.MinWait<<shift)
	}
	return d/2 + rand.N(d/2+1) + 1
}

// transient reports whether another attempt may succeed after err, which is not a ServiceError.
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
	case "RequestTimeout", // 400: the body did not arrive in time
		"IncompleteBody", ErrInvalidDigest, "InvalidCRC64": // the body was corrupted in transit
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

// maxRetryAfter limits the wait that a server may ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the Retry-After header, in seconds or as a date. A date is compared with the Date of the reply, or
// with now if the reply has none.
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

// learnClock sets the clock from the Date of a reply. It reports whether the reply has one, so that a request signed
// with the corrected time is worth sending.
func (c *Client) learnClock(e *ServiceError) bool {
	theirs, err := http.ParseTime(e.Header.Get("Date"))
	if err != nil {
		return false
	}
	c.skew.Store(int64(theirs.Sub(c.now())))
	return true
}

// finalError makes the error that the caller gets. The error of a cancelled call wraps that of the context and its
// cause, and names the failure that was being retried. The error of a call that a Gate ended wraps both that of the
// Gate and that of the last attempt.
func (k *call) finalError(ctx context.Context, err error) error {
	if k.last != nil {
		err = k.last
	}
	var permanent *permanentError
	if errors.As(err, &permanent) {
		err = permanent.err
	}
	tried := describeAttempts(k.attempts, time.Since(k.start))
	if k.gateErr != nil {
		return fmt.Errorf("oss: %s %s: %w, after %s: %w", k.op.Name, k.where(), k.gateErr,
			tried, k.asChecksumError(err))
	}
	if cancelled := ctx.Err(); cancelled != nil {
		ended := ctxcause.Join(ctx, cancelled)
		if errors.Is(err, cancelled) {
			return fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), ended)
		}
		return fmt.Errorf("oss: %s %s: %w, after %s: %v", k.op.Name, k.where(), ended, tried, err)
	}
	const starved = "not repeated, because too many operations of this Client fail"
	switch err := k.asChecksumError(err).(type) {
	case *ServiceError, *ChecksumError, *ChangedError: // their text names the resource
		if k.budgetEmpty {
			return fmt.Errorf("%w; %s", err, starved)
		}
		return err
	}
	if k.budgetEmpty {
		err = fmt.Errorf("%w; %s", err, starved)
	}
	if k.attempts > 1 {
		return fmt.Errorf("oss: %s %s: after %s: %w", k.op.Name, k.where(), tried, err)
	}
	return fmt.Errorf("oss: %s %s: %w", k.op.Name, k.where(), err)
}

// asChecksumError returns err, or the ChecksumError that it amounts to.
func (k *call) asChecksumError(err error) error {
	if refused, ok := err.(*ServiceError); ok && (refused.Code == ErrInvalidDigest || refused.Code == "InvalidCRC64") {
		return &ChecksumError{Op: k.op.Name, Bucket: k.op.Bucket, Key: k.op.Key,
			PartNumber: k.op.PartNumber, Err: refused}
	}
	if damaged, ok := err.(*ChecksumError); ok {
		own := *damaged // a hook may have kept the other
		own.Attempts, own.Elapsed = k.attempts, time.Since(k.start)
		return &own
	}
	return err
}

// where names the resource, and the part if there is one.
func (k *call) where() string { return where(k.op.Bucket, k.op.Key, k.op.PartNumber) }
