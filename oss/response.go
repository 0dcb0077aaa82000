package oss

import (
	"fmt"
	"io"
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A responseCheck reads a successful response and compares it with what was sent. An error makes the attempt a failure,
// which is retried unless it is a permanentError.
type responseCheck func(op Operation, resp *http.Response, sent *requestBody) error

// decodeXML returns a responseCheck that decodes a document and passes it to take. A document that is truncated or not
// from OSS, or that take refuses, fails the attempt.
func decodeXML[T any](take func(*T) error) responseCheck {
	return func(_ Operation, resp *http.Response, _ *requestBody) error {
		var doc T // new for each attempt: decoding appends to lists, which a truncated document may have filled
		var head prefixBuffer
		if err := ossxml.Decode(io.TeeReader(resp.Body, &head), &doc); err != nil {
			return fmt.Errorf("status %d with an unreadable document: %w: %q",
				resp.StatusCode, err, maskedExcerpt(resp, head))
		}
		if err := take(&doc); err != nil {
			return fmt.Errorf("status %d with a document that is not from OSS: %w", resp.StatusCode, err)
		}
		return nil
	}
}

// A prefixBuffer keeps the first maxShown bytes written to it.
type prefixBuffer []byte

func (b *prefixBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), maxShown-len(*b))]...)
	return len(p), nil
}

// requireOSS is a responseCheck that rejects successes which OSS did not send, such as the page of a proxy that never
// forwarded the request, or the 204 with which some networks answer every request. OSS sets a request ID, and an ETag
// for objects.
func requireOSS(_ Operation, resp *http.Response, _ *requestBody) error {
	if resp.Header.Get(headerRequestID) == "" && resp.Header.Get("ETag") == "" {
		return fmt.Errorf("status %d without a request ID: reply is not from OSS", resp.StatusCode)
	}
	return nil
}

// notFromOSS is the error of a success that does not say what OSS has stored.
func notFromOSS(resp *http.Response) error {
	return fmt.Errorf("status %d without an ETag: reply is not from OSS", resp.StatusCode)
}

// requireCRC64 is a responseCheck that compares the CRC-64 of a response with that of the bytes sent. A response
// without a CRC-64 is a permanent error, since a repetition would not report one either.
func requireCRC64(op Operation, resp *http.Response, sent *requestBody) error {
	_, local, _ := sent.detach()
	remote, ok := headerCRC(resp.Header)
	if !ok {
		return &permanentError{fmt.Errorf("status %d without a CRC-64 to compare", resp.StatusCode)}
	}
	if remote != local {
		return &ChecksumError{
			Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber, Local: local, Remote: remote,
		}
	}
	return nil
}

// readReply reads at most limit bytes of the body of resp, and reports whether that is all of it.
func readReply(resp *http.Response, limit int) (body []byte, whole bool, err error) {
	body, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	return body[:min(len(body), limit)], len(body) <= limit, err
}
