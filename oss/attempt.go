package oss

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/signer"
)

// Headers of replies, spelled as http.Header keeps them: it makes a copy of any other spelling.
const (
	headerRequestID = "X-Oss-Request-Id"
	headerCRC64     = "X-Oss-Hash-Crc64ecma"
)

// A call is one operation on its way. It is the http.RoundTripper of its own attempts: whatever
// drives them calls RoundTrip once for each, and each is a new request, signed at its own moment,
// with a body read afresh. A reply that is no success comes back as an error.
type call struct {
	client  *Client
	options sendOptions
	op      Operation
	request Request
	url     url.URL
	retryer retryer

	deadline      time.Time     // of the operation's context; zero if it has none
	attempts      int           // made so far
	failures      [4]int        // of those, how many failed in each flow.Kind; counted only where there is a Gate
	failuresAlike int           // how often it has failed like the last one
	last          error         // why the last one failed, nil if it did not
	evidence      evidence      // what else is known of the last one
	reply         Attempt       // what hooks and logs learn of the last one
	replyDate     string        // of its reply
	creds         Credentials   // by the last one
	clockFixed    bool          // the clock was corrected for this call already
	refreshed     bool          // the keys were refused for this call already
	gate          flow.Attempts // of the context; nil without a Gate
	retryAfter    time.Duration // what OSS asked for in the last reply
	gateErr       error         // why the Gate of the context ended the operation; nil if it did not
	nextCreds     *Credentials  // for the next one, in place of those that were refused
	start         time.Time     // when the first attempt did
	budgetTaken   int           // retries taken from the budget of the Client
	budgetEmpty   bool          // the budget was empty
}

// RoundTrip makes one attempt. The request it is given is only a shell with the context.
func (k *call) RoundTrip(shell *http.Request) (*http.Response, error) {
	k.attempts++
	k.reply, k.replyDate = Attempt{Number: k.attempts}, ""
	k.evidence = evidence{unsent: true} // until the transport has the request
	resp, err := k.try(shell)
	k.last, k.reply.Err = err, err
	return resp, err
}

func (k *call) try(shell *http.Request) (*http.Response, error) {
	c := k.client
	if err := k.fetchKeys(shell.Context()); err != nil { // before the watch begins: nothing stalls while keys are fetched
		return nil, &permanentError{err}
	}
	mine := &struct { // one piece of memory for what the attempt leaves behind
		watchdog
		url  url.URL // a signature may change it, and headers too
		out  requestBody
		last atomic.Pointer[requestBody] // out, or one that came after it
		in   responseBody
	}{url: k.url}
	w, last := &mine.watchdog, &mine.last
	w.begin(shell.Context(), k)
	mine.out.open(k.request.Body, k.options, w)
	last.Store(&mine.out)
	req := shell.WithContext(httptrace.WithClientTrace(w.ctx, w.clientTrace(c)))
	req.URL, req.Host, req.Header = &mine.url, mine.url.Host, k.headers()
	if size := mine.out.size; size > 0 {
		req.Body, req.ContentLength = &mine.out, size
		// net/http asks again when a kept connection turns out to have been closed before it was used.
		req.GetBody = func() (io.ReadCloser, error) {
			fresh := new(requestBody)
			fresh.open(k.request.Body, k.options, w)
			last.Swap(fresh).detach()
			return fresh, nil
		}
	} else {
		w.bodySent()
	}
	if err := k.sign(req); err != nil {
		w.stop()
		return nil, &permanentError{err}
	}

	began := time.Now()
	resp, err := c.http.Transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = fmt.Errorf("%T returned neither a reply nor an error", c.http.Transport)
	}
	k.reply.Duration = time.Since(began)
	out := last.Load()
	sent, _, readErr := out.detach()
	k.reply.Sent = sent
	if err != nil {
		defer w.stop()
		k.evidence.unsent = w.unsent(c, err)
		if readErr != nil {
			return nil, readErr
		}
		k.evidence.broken = w.reached(c) || isNetworkError(err)
		k.evidence.limited = w.clientTimedOut()
		return nil, maskOf(req, k.creds).err(w.cause(err))
	}
	if resp.Request == nil { // a transport of the user's may leave it out
		resp.Request = req
	}
	k.evidence.unsent = false

	k.reply.StatusCode, k.reply.RequestID = resp.StatusCode, resp.Header.Get(headerRequestID)
	k.replyDate = resp.Header.Get("Date")
	w.replied()
	if resp.Body == nil { // a transport of the user's may leave it out, as http.Client allows
		resp.Body = http.NoBody
	}
	in := &mine.in
	in.ReadCloser, in.watchdog = resp.Body, w
	resp.Body = in
	if resp.StatusCode < 200 { // 101, after which reading from the connection ends with no context
		in.Close()
		return nil, fmt.Errorf("status %d: reply is not from OSS", resp.StatusCode)
	}
	if resp.StatusCode >= 300 || resp.StatusCode == http.StatusNonAuthoritativeInfo {
		defer drain(in)
		refused := newServiceError(k.op, resp, maskOf(req, k.creds))
		k.evidence.broken = in.broken && refused.Code == ""
		refused.Hint = refused.hint(strings.HasPrefix(req.Header.Get("Authorization"), "OSS4-"))
		refused.Attempts, refused.Elapsed = k.attempts, time.Since(k.start) // now, since a hook or a log may keep it
		return nil, refused
	}
	if err := k.check(resp, out); err != nil {
		k.evidence.broken, k.evidence.limited = in.broken, in.broken && w.clientTimedOut()
		drain(in)
		return nil, err
	}
	// OSS reports the CRC-64 of the object also where it compresses it on its way, for a caller who asks for that.
	compressed := resp.Uncompressed || req.Header.Get("Accept-Encoding") != "identity" && resp.Header.Get("Content-Encoding") != ""
	if remote, ok := headerCRC(resp.Header); ok && k.options.verifyRead && resp.StatusCode == http.StatusOK && !compressed {
		in.verify = func(local uint64) error {
			if local == remote {
				return nil
			}
			return &ChecksumError{Op: k.op.Name, Bucket: k.op.Bucket, Key: k.op.Key, Local: local, Remote: remote}
		}
	}
	return resp, nil
}

// check inspects a reply of success.
func (k *call) check(resp *http.Response, sent *requestBody) error {
	if k.options.verifyStored {
		odd, err := checkStored(k.op, resp, sent, k.options.md5)
		if err != nil {
			return err
		}
		if odd != "" {
			k.client.log.LogAttrs(sent.watchdog.ctx, slog.LevelWarn, "oss: ETag is not the MD5 of what was sent; the CRC-64 is right",
				slog.String("op", k.op.Name), slog.String("bucket", k.op.Bucket), slog.String("key", k.op.Key), slog.String("etag", odd))
		}
	}
	if k.options.check == nil {
		return nil
	}
	return k.options.check(k.op, resp, sent)
}

// fetchKeys asks for the keys of this moment.
func (k *call) fetchKeys(ctx context.Context) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	if k.nextCreds != nil {
		k.creds, k.nextCreds = *k.nextCreds, nil
		return nil
	}
	creds, err := keysAt(ctx, c.credentials, c.Now())
	if err != nil {
		return fmt.Errorf("no credentials: %w", err)
	}
	k.creds = creds
	return nil
}

// sign puts a signature of this moment on req.
func (k *call) sign(req *http.Request) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	if err := c.signer.Sign(req, signer.Params{
		Bucket: k.op.Bucket, Key: k.op.Key, Region: c.region, Time: c.Now(), Credentials: k.creds,
	}); err != nil {
		return err
	}
	return checkSigned(req.Header)
}

// A permanentError is one that a further attempt cannot change.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// decodes returns a check that reads a document and hands it to take. A reply that is cut short, that some proxy wrote,
// or that take refuses is a failed attempt.
func decodeXML[T any](take func(*T) error) responseCheck {
	return func(_ Operation, resp *http.Response, _ *requestBody) error {
		var doc T // of this attempt alone: decoding appends to the lists that half a reply has left
		var head prefixBuffer
		if err := ossxml.Decode(io.TeeReader(resp.Body, &head), &doc); err != nil {
			return fmt.Errorf("status %d with an unreadable document: %w: %q", resp.StatusCode, err, maskedExcerpt(resp, head))
		}
		if err := take(&doc); err != nil {
			return fmt.Errorf("status %d with a document that is not from OSS: %w", resp.StatusCode, err)
		}
		return nil
	}
}

// A start keeps the first bytes written to it.
type prefixBuffer []byte

func (s *prefixBuffer) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), maxShown-len(*s))]...)
	return len(p), nil
}
