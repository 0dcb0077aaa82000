package oss

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/signer"
)

// Headers of responses in canonical form, which http.Header finds without a copy.
const (
	headerRequestID = "X-Oss-Request-Id"
	headerCRC64     = "X-Oss-Hash-Crc64ecma"
)

// A call is one operation and its attempts. It is an http.RoundTripper so that go-retryablehttp can drive it: each
// RoundTrip signs and sends a new request with a fresh body. A response that is not a success is returned as an error.
type call struct {
	client   *Client
	options  sendOptions
	op       Operation
	request  Request
	retryer  retryer
	start    time.Time     // of the first attempt
	deadline time.Time     // of the context of the operation; zero if it has none
	gate     flow.Attempts // of the context; nil without a Gate

	// Of all attempts.
	attempts      int    // made so far
	failures      [4]int // by flow.Kind; counted only with a Gate
	failuresAlike int    // how many attempts count towards Retry.Attempts
	budgetTaken   int    // retries taken from the budget of the Client
	budgetEmpty   bool   // the budget was empty
	clockFixed    bool   // the clock was corrected
	refreshed     bool   // the keys were refused, and the provider was asked again
	gateErr       error  // why the Gate ended the operation; nil if it did not

	// Of the last attempt.
	last       error         // why it failed, nil if it did not
	evidence   evidence      // what else is known of its failure
	reply      Attempt       // as hooks and logs see it
	replyDate  string        // Date header of its response
	creds      Credentials   // it was signed with these
	nextCreds  *Credentials  // for the next attempt, in place of keys that were refused; nil asks the provider
	retryAfter time.Duration // that its response asked for
}

// RoundTrip makes one attempt. Only the context of its argument is used.
func (k *call) RoundTrip(shell *http.Request) (*http.Response, error) {
	k.attempts++
	k.reply, k.replyDate = Attempt{Number: k.attempts, Start: time.Now()}, ""
	k.evidence = evidence{unsent: true} // until the transport has the request
	resp, err := k.attempt(shell)
	k.last, k.reply.Err = err, err
	return resp, err
}

func (k *call) attempt(shell *http.Request) (*http.Response, error) {
	a, err := k.newAttempt(shell)
	if err != nil {
		return nil, &permanentError{err}
	}
	resp, sent, err := k.roundTrip(a)
	if err != nil {
		return nil, err
	}
	return k.accept(a, resp, sent)
}

// fetchKeys gets the keys for the next attempt.
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

// sign signs req with the keys and the time of this moment.
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

// A permanentError is not retried, because another attempt cannot change it.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
