package oss_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// appendTo is an AppendObject.
func appendTo(key, position string, body oss.Body) *oss.Request {
	return &oss.Request{Op: "AppendObject", Method: http.MethodPost, Bucket: "bucket", Key: key,
		Query: url.Values{"append": {""}, "position": {position}}, Body: body}
}

// do sends r and reads the reply.
func do(t *testing.T, c *oss.Client, r *oss.Request) error {
	t.Helper()
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return err
}

// TestDoRepeatsWhatHasTheSameEffectTwice is bug 15: AppendObject whose reply was lost was sent again.
func TestDoRepeatsWhatHasTheSameEffectTwice(t *testing.T) {
	lost := breaks(io.ErrUnexpectedEOF)
	refusedDial := breaks(&net.OpError{Op: "dial", Err: errors.New("connection refused")})
	for _, tt := range []struct {
		name, method string
		repeat       oss.Repeat
		first        answer
		requests     int
	}{
		{"GET", "", 0, lost, 2},
		{"HEAD", "HEAD", 0, lost, 2},
		{"PUT", "PUT", 0, lost, 2},
		{"DELETE", "DELETE", 0, lost, 2},
		{"OPTIONS", "OPTIONS", 0, lost, 2},
		{"POST", "POST", 0, lost, 1},
		{"a method of later days", "PATCH", 0, lost, 1},
		{"POST that a proxy did not pass on, or did", "POST", 0, says(502, "<html>"), 1},
		{"POST that failed half way", "POST", 0, refuses(500, "InternalError"), 1},
		{"POST without a connection", "POST", 0, refusedDial, 2},
		{"POST that OSS did not take", "POST", 0, refuses(503, "ServiceUnavailable"), 2},
		{"POST whose body did not arrive", "POST", 0, refuses(400, "RequestTimeout"), 2},
		{"POST with a wrong clock", "POST", 0,
			refuses(403, "RequestTimeTooSkewed", "Date", "Sun, 01 Mar 2026 12:00:00 GMT"), 2},
		{"POST that may be done twice", "POST", oss.RepeatAlways, lost, 2},
		{"GET that may not", "GET", oss.RepeatNever, lost, 1},
		{"GET that may not, refused", "GET", oss.RepeatNever, refuses(503, "ServiceUnavailable"), 1},
		{"POST that may not", "POST", oss.RepeatNever, refuses(503, "ServiceUnavailable"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(tt.first, says(200, ""))
				err := do(t, s.client(t, oss.Config{}),
					&oss.Request{Method: tt.method, Bucket: "bucket", Key: "key", Repeat: tt.repeat})
				if n := len(s.messages()); n != tt.requests || (err == nil) != (n == 2) {
					t.Errorf("Do: %v after %d requests, want %d", err, n, tt.requests)
				}
				if tt.name == "POST" && (!errors.Is(err, io.ErrUnexpectedEOF) ||
					!strings.Contains(err.Error(), "not repeated")) {
					t.Errorf("Do: %v, want the cause and that it was not repeated", err)
				}
			})
		})
	}
}

func TestAppendIsDoneOnceWhenItsReplyIsLost(t *testing.T) {
	srv := newServer(t, nil)
	srv.Inject(osstest.Fault{Op: "AppendObject", Times: 1, Effect: osstest.LoseReply()})
	err := do(t, srv.Client(), appendTo("log", "0", strings.NewReader("line\n")))
	var refused *oss.ServiceError
	if err == nil || errors.As(err, &refused) {
		t.Errorf("Do: %v, want the error of the connection", err)
	}
	if obj, _ := srv.Object("bucket", "log"); string(obj.Data) != "line\n" || len(srv.Requests("AppendObject")) != 1 {
		t.Errorf("the object is %q after %d requests", obj.Data, len(srv.Requests("AppendObject")))
	}
}

// TestDoProvesItsBodyWhereAsked is R5: what Do sends could be damaged unnoticed.
func TestDoProvesItsBodyWhereAsked(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	var before uint64
	for i, line := range []string{"first line\n", "second\n", ""} {
		r := appendTo("log", []string{"0", "11", "18"}[i], strings.NewReader(line))
		r.SendMD5, r.CheckCRC64 = true, &before
		resp, err := c.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		obj, _ := srv.Object("bucket", "log")
		if got := srv.Requests("AppendObject")[i].Header.Get("Content-MD5"); got != md5of(line) {
			t.Errorf("Content-MD5 of %q is %q, want %q", line, got, md5of(line))
		}
		before = obj.CRC64
	}
	srv.Inject(osstest.Fault{Op: "AppendObject", Times: 1, Effect: osstest.Corrupt()})
	r := appendTo("log", "18", strings.NewReader("third\n"))
	r.SendMD5, r.CheckCRC64 = true, &before
	if err := do(t, c, r); err != nil { // OSS refused the damaged bytes, so they were sent again
		t.Error(err)
	}
	if obj, _ := srv.Object("bucket", "log"); string(obj.Data) != "first line\nsecond\nthird\n" {
		t.Errorf("the object is %q", obj.Data)
	}

	srv.Inject(osstest.Fault{Op: "AppendObject", Times: 1, Effect: osstest.Corrupt()})
	r = appendTo("other", "0", strings.NewReader("first"))
	r.CheckCRC64 = new(uint64)
	var damaged *oss.ChecksumError
	if err := do(t, c, r); !errors.As(err, &damaged) || damaged.Op != "AppendObject" {
		t.Errorf("damage without an MD5: %v, want a ChecksumError", err)
	}
}

func TestDoWithoutWhatWasToBeCheckedIsAnError(t *testing.T) {
	for _, tt := range []struct {
		name     string
		r        *oss.Request
		requests int
		want     string
	}{
		{"reply without a CRC-64", &oss.Request{Method: "PUT", Body: strings.NewReader("x"), CheckCRC64: new(uint64)},
			1, "without a CRC-64"},
		{"MD5 of nothing", &oss.Request{Method: "PUT", SendMD5: true}, 0, "SendMD5 is set without a Body"},
		{"CRC-64 of nothing", &oss.Request{Method: "PUT", CheckCRC64: new(uint64)}, 0,
			"CheckCRC64 is set without a Body"},
		{"two MD5s", &oss.Request{Method: "PUT", Body: strings.NewReader("x"), SendMD5: true,
			Header: http.Header{"content-md5": {"x"}}}, 0, "beside Content-MD5"},
		{"repeat", &oss.Request{Repeat: 3}, 0, "Repeat 3"},
		{"no request", nil, 0, "request is nil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, ""))
			if tt.r != nil {
				tt.r.Bucket, tt.r.Key = "bucket", "key"
			}
			err := do(t, s.client(t, oss.Config{}), tt.r)
			if n := len(s.messages()); err == nil || n != tt.requests || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Do: %v after %d requests, want %q after %d", err, n, tt.want, tt.requests)
			}
		})
	}
}
