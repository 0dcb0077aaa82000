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
	terms   terms
	op      Operation
	request Request
	url     url.URL
	driver  driver

	deadline   time.Time     // of the operation's context; zero if it has none
	attempts   int           // made so far
	failed     [4]int        // of those, how many failed in each flow.Kind; counted only where there is a Gate
	round      int           // how often it has failed like the last one
	last       error         // why the last one failed, nil if it did not
	signs      signs         // what else is known of the last one
	reply      Attempt       // what hooks and logs learn of the last one
	date       string        // of its reply
	used       Credentials   // by the last one
	skewed     bool          // the clock was corrected for this call already
	renewed    bool          // the keys were refused for this call already
	gate       flow.Attempts // of the context; nil without a Gate
	retryAfter time.Duration // what OSS asked for in the last reply
	gaveUp     error         // why the Gate of the context ended the operation; nil if it did not
	fresh      *Credentials  // for the next one, in place of those that were refused
	began      time.Time     // when the first attempt did
	taken      int           // retries taken from the budget of the Client
	starved    bool          // the budget was empty
}

// RoundTrip makes one attempt. The request it is given is only a shell with the context.
func (k *call) RoundTrip(shell *http.Request) (*http.Response, error) {
	k.attempts++
	k.reply, k.date = Attempt{Number: k.attempts}, ""
	k.signs = signs{unsent: true} // until the transport has the request
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
		watch
		url  url.URL // a signature may change it, and headers too
		out  outgoing
		last atomic.Pointer[outgoing] // out, or one that came after it
		in   incoming
	}{url: k.url}
	w, last := &mine.watch, &mine.last
	w.begin(shell.Context(), k)
	mine.out.open(k.request.Body, k.terms, w)
	last.Store(&mine.out)
	req := shell.WithContext(httptrace.WithClientTrace(w.ctx, w.traced(c)))
	req.URL, req.Host, req.Header = &mine.url, mine.url.Host, k.headers()
	if size := mine.out.size; size > 0 {
		req.Body, req.ContentLength = &mine.out, size
		// net/http asks again when a kept connection turns out to have been closed before it was used.
		req.GetBody = func() (io.ReadCloser, error) {
			fresh := new(outgoing)
			fresh.open(k.request.Body, k.terms, w)
			last.Swap(fresh).retire()
			return fresh, nil
		}
	} else {
		w.sent()
	}
	if err := k.sign(req); err != nil {
		w.end()
		return nil, &permanentError{err}
	}

	began := time.Now()
	resp, err := c.http.Transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = fmt.Errorf("%T returned neither a reply nor an error", c.http.Transport)
	}
	k.reply.Duration = time.Since(began)
	out := last.Load()
	sent, _, readErr := out.retire()
	k.reply.Sent = sent
	if err != nil {
		defer w.end()
		k.signs.unsent = w.unsent(c, err)
		if readErr != nil {
			return nil, readErr
		}
		k.signs.broken = w.reached(c) || isNetworkError(err)
		k.signs.limited = w.limited()
		return nil, maskOf(req, k.used).err(w.cause(err))
	}
	if resp.Request == nil { // a transport of the user's may leave it out
		resp.Request = req
	}
	k.signs.unsent = false

	k.reply.StatusCode, k.reply.RequestID = resp.StatusCode, resp.Header.Get(headerRequestID)
	k.date = resp.Header.Get("Date")
	w.replied()
	if resp.Body == nil { // a transport of the user's may leave it out, as http.Client allows
		resp.Body = http.NoBody
	}
	in := &mine.in
	in.ReadCloser, in.watch = resp.Body, w
	resp.Body = in
	if resp.StatusCode < 200 { // 101, after which reading from the connection ends with no context
		in.Close()
		return nil, fmt.Errorf("status %d: reply is not from OSS", resp.StatusCode)
	}
	if resp.StatusCode >= 300 || resp.StatusCode == http.StatusNonAuthoritativeInfo {
		defer drain(in)
		refused := refusal(k.op, resp, maskOf(req, k.used))
		k.signs.broken = in.broken && refused.Code == ""
		refused.Hint = refused.hint(strings.HasPrefix(req.Header.Get("Authorization"), "OSS4-"))
		refused.Attempts, refused.Elapsed = k.attempts, time.Since(k.began) // now, since a hook or a log may keep it
		return nil, refused
	}
	if err := k.check(resp, out); err != nil {
		k.signs.broken, k.signs.limited = in.broken, in.broken && w.limited()
		drain(in)
		return nil, err
	}
	// OSS reports the CRC-64 of the object also where it compresses it on its way, for a caller who asks for that.
	compressed := resp.Uncompressed || req.Header.Get("Accept-Encoding") != "identity" && resp.Header.Get("Content-Encoding") != ""
	if remote, ok := headerCRC(resp.Header); ok && k.terms.verify && resp.StatusCode == http.StatusOK && !compressed {
		in.fail = func(local uint64) error {
			if local == remote {
				return nil
			}
			return &ChecksumError{Op: k.op.Name, Bucket: k.op.Bucket, Key: k.op.Key, Local: local, Remote: remote}
		}
	}
	return resp, nil
}

// check inspects a reply of success.
func (k *call) check(resp *http.Response, sent *outgoing) error {
	if k.terms.stores {
		odd, err := checkStored(k.op, resp, sent, k.terms.md5)
		if err != nil {
			return err
		}
		if odd != "" {
			k.client.log.LogAttrs(sent.watch.ctx, slog.LevelWarn, "oss: ETag is not the MD5 of what was sent; the CRC-64 is right",
				slog.String("op", k.op.Name), slog.String("bucket", k.op.Bucket), slog.String("key", k.op.Key), slog.String("etag", odd))
		}
	}
	if k.terms.check == nil {
		return nil
	}
	return k.terms.check(k.op, resp, sent)
}

// fetchKeys asks for the keys of this moment.
func (k *call) fetchKeys(ctx context.Context) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	if k.fresh != nil {
		k.used, k.fresh = *k.fresh, nil
		return nil
	}
	creds, err := keysOf(ctx, c.credentials, c.Now())
	if err != nil {
		return fmt.Errorf("no credentials: %w", err)
	}
	k.used = creds
	return nil
}

// sign puts a signature of this moment on req.
func (k *call) sign(req *http.Request) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	if err := c.signer.Sign(req, signer.Params{
		Bucket: k.op.Bucket, Key: k.op.Key, Region: c.region, Time: c.Now(), Credentials: k.used,
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
func decodes[T any](take func(*T) error) checkResult {
	return func(_ Operation, resp *http.Response, _ *outgoing) error {
		var doc T // of this attempt alone: decoding appends to the lists that half a reply has left
		var head start
		if err := ossxml.Decode(io.TeeReader(resp.Body, &head), &doc); err != nil {
			return fmt.Errorf("status %d with an unreadable document: %w: %q", resp.StatusCode, err, excerptOf(resp, head))
		}
		if err := take(&doc); err != nil {
			return fmt.Errorf("status %d with a document that is not from OSS: %w", resp.StatusCode, err)
		}
		return nil
	}
}

// A start keeps the first bytes written to it.
type start []byte

func (s *start) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), maxShown-len(*s))]...)
	return len(p), nil
}
