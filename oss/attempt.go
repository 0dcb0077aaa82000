package oss

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// An attempt is one HTTP request of a call. It is allocated as a whole, because all of it outlives RoundTrip while the
// response is read.
type attempt struct {
	watchdog
	req      *http.Request
	url      url.URL     // of req; a signature may change it
	first    requestBody // of req
	body     atomic.Pointer[requestBody]
	response responseBody
}

// newAttempt prepares a signed request. Only the context of its argument is used.
func (k *call) newAttempt(shell *http.Request) (*attempt, error) {
	// The watchdog starts later: a slow credentials provider is not a stalled connection.
	if err := k.fetchKeys(shell.Context()); err != nil {
		return nil, err
	}
	a := &attempt{url: k.op.URL}
	a.begin(shell.Context(), k)
	a.first.open(k.request.Body, k.options, &a.watchdog)
	a.body.Store(&a.first)
	trace := a.clientTrace(k.client)
	trace.GotConn = a.connected
	if k.client.netHTTP {
		trace.GotConn = a.connectedByNetHTTP
	}
	a.req = shell.WithContext(httptrace.WithClientTrace(a.ctx, trace))
	a.req.URL, a.req.Host, a.req.Header = &a.url, a.url.Host, k.headers()
	if size := a.first.size; size > 0 {
		a.req.Body, a.req.ContentLength = &a.first, size
		// net/http asks for a second body if a kept connection turns out to have been closed before it was used.
		a.req.GetBody = func() (io.ReadCloser, error) {
			again := new(requestBody)
			again.open(k.request.Body, k.options, &a.watchdog)
			a.body.Swap(again).detach()
			return again, nil
		}
	} else {
		a.bodySent()
	}
	if err := k.sign(a.req); err != nil {
		a.stop()
		return nil, err
	}
	return a, nil
}

// connected is called with the connection that the attempt got.
func (a *attempt) connected(info httptrace.GotConnInfo) { a.watchdog.connected(receiverOf(info.Conn)) }

// connectedByNetHTTP is connected by a transport that has not copied the request, and writes it only after this call.
// If the connection is to be replaced, OSS closes it after the reply, so that no request can fail for that.
func (a *attempt) connectedByNetHTTP(info httptrace.GotConnInfo) {
	a.connected(info)
	if r := receiverOf(info.Conn); r != nil && !r.retire.IsZero() && !time.Now().Before(r.retire) {
		a.req.Header["Connection"] = closeAfterReply
	}
}

var closeAfterReply = []string{"close"}

// roundTrip sends the request and returns the response, or why there is none. It also returns the body that was sent,
// which is detached.
func (k *call) roundTrip(a *attempt) (resp *http.Response, sent *requestBody, err error) {
	c := k.client
	start := time.Now()
	resp, err = c.http.Transport.RoundTrip(a.req)
	if err == nil && resp == nil {
		err = fmt.Errorf("%T returned neither a reply nor an error", c.http.Transport)
	}
	k.reply.Duration = time.Since(start)
	sent = a.body.Load()
	n, _, readErr := sent.detach()
	k.reply.Sent = n
	if err == nil {
		k.evidence.unsent = false
		return resp, sent, nil
	}
	defer a.stop()
	k.evidence.unsent = a.unsent(c, err)
	if readErr != nil {
		return nil, nil, readErr
	}
	k.evidence.broken = a.reached(c) || isNetworkError(err)
	k.evidence.limited = a.clientTimedOut()
	a.avoidAddress()
	return nil, nil, maskOf(a.req, k.creds).err(a.cause(err))
}

// accept turns a response into the result of the attempt. The body of an accepted response ends the attempt when it is
// closed.
func (k *call) accept(a *attempt, resp *http.Response, sent *requestBody) (*http.Response, error) {
	k.reply.StatusCode, k.reply.RequestID = resp.StatusCode, resp.Header.Get(headerRequestID)
	k.replyDate = resp.Header.Get("Date")
	a.replied()
	// http.Client allows a transport to leave these out.
	if resp.Request == nil {
		resp.Request = a.req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	body := &a.response
	body.ReadCloser, body.watchdog = resp.Body, &a.watchdog
	resp.Body = body
	if resp.StatusCode < 200 { // after 101, no context ends a read of the connection
		body.Close()
		return nil, fmt.Errorf("status %d: reply is not from OSS", resp.StatusCode)
	}
	if resp.StatusCode >= 300 || resp.StatusCode == http.StatusNonAuthoritativeInfo {
		defer drain(body)
		refused := newServiceError(k.op, resp, maskOf(a.req, k.creds))
		k.evidence.broken = body.broken && refused.Code == ""
		refused.Hint = refused.hint(strings.HasPrefix(a.req.Header.Get("Authorization"), "OSS4-"))
		// Set here, since a hook or a log may keep the error.
		refused.Attempts, refused.Elapsed = k.attempts, time.Since(k.start)
		return nil, refused
	}
	if err := k.check(resp, sent); err != nil {
		k.evidence.broken, k.evidence.limited = body.broken, body.broken && a.clientTimedOut()
		drain(body)
		return nil, err
	}
	return resp, nil
}

// check inspects a response of success.
func (k *call) check(resp *http.Response, sent *requestBody) error {
	if k.options.verifyStored {
		odd, err := checkStored(k.op, resp, sent, k.options.md5)
		if err != nil {
			return err
		}
		if odd != "" {
			k.client.log.LogAttrs(sent.watchdog.ctx, slog.LevelWarn,
				"oss: ETag is not the MD5 of what was sent; the CRC-64 is right",
				slog.String("op", k.op.Name), slog.String("bucket", k.op.Bucket), slog.String("key", k.op.Key),
				slog.String("etag", odd))
		}
	}
	if k.options.check == nil {
		return nil
	}
	return k.options.check(k.op, resp, sent)
}
