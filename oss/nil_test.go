package oss_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// TestNilIsAnErrorAndNoPanic is R10.
func TestNilIsAnErrorAndNoPanic(t *testing.T) {
	ctx := t.Context()
	s := play(says(200, ""))
	c := s.client(t, oss.Config{})
	var none *bytes.Reader
	call := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"Do", call(c.Do(ctx, nil)), "request is nil"},
		{"Presign", call(c.Presign(ctx, nil, time.Hour)), "request is nil"},
		{"body of an object", call(c.PutObject(ctx, "bucket", "key", none, nil)), "body of oss://bucket/key is nil"},
		{"body of a part", call(c.UploadPart(ctx, upload, 1, (*io.SectionReader)(nil), nil)), "body of part 1 is nil"},
		{"body of a request", call(c.Do(ctx, &oss.Request{Method: "PUT", Bucket: "bucket", Key: "key", Body: none})),
			"body is a nil *bytes.Reader"},
		{"provider", call(oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: oss.CredentialsFunc(nil)})),
			"Config.Credentials is a nil oss.CredentialsFunc"},
		{"signer", call(oss.NewClient(oss.Config{Region: "cn-hangzhou", Signer: (*signer.V4)(nil)})),
			"Config.Signer is a nil *signer.V4"},
		{"client", call(new(oss.Client).HeadObject(ctx, "bucket", "key", nil)), "not made by NewClient"},
		{"client that presigns", call(new(oss.Client).PresignGet(ctx, "bucket", "key", time.Hour, nil)),
			"not made by NewClient"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, tt.err, tt.want)
		}
	}
	if n := len(s.messages()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestKeysWithALineBreakAreRefusedByName is BR01: four attempts of a request that net/http refuses, and then its words.
func TestKeysWithALineBreakAreRefusedByName(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys oss.Credentials
		want string
	}{
		{"ID", oss.Credentials{AccessKeyID: "hunter2\n", AccessKeySecret: "hunter2"},
			"AccessKeyID ends with a line break"},
		{"secret", oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2\r\n"},
			"AccessKeySecret ends with a line break"},
		{"token", oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2", SecurityToken: "hunter2\n"},
			"SecurityToken ends with a line break"},
		{"ID with a blank", oss.Credentials{AccessKeyID: " id", AccessKeySecret: "hunter2"}, "AccessKeyID has a blank"},
		{"secret with a blank", oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2 "},
			"AccessKeySecret has a blank"},
		{"secret with a tab", oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hun\tter2"},
			"AccessKeySecret has a blank"},
		{"token with a byte order mark", oss.Credentials{AccessKeyID: "id", AccessKeySecret: "hunter2",
			SecurityToken: "\ufeffhunter2"}, "not ASCII"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: tt.keys}); err == nil ||
				!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("NewClient: %v, want %s", err, tt.want)
			}
			for name, p := range map[string]oss.CredentialsProvider{
				"function": oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) { return tt.keys, nil }),
				"cache": oss.CacheCredentials(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
					return tt.keys, nil
				}), 0),
			} {
				for _, sig := range []signer.Signer{signer.V1{}, signer.V4{}} {
					s, attempts := play(says(200, "")), 0
					c := s.client(t, oss.Config{Credentials: p, Signer: sig, Hooks: oss.Hooks{
						OnAttempt: func(context.Context, oss.Operation, oss.Attempt) { attempts++ },
					}})
					_, err := c.HeadObject(t.Context(), "bucket", "key", nil)
					if err == nil || !strings.Contains(err.Error(), tt.want) ||
						strings.Contains(err.Error(), "hunter2") || attempts != 1 {
						t.Errorf("%s: %v after %d attempts, want %s after 1", name, err, attempts, tt.want)
					}
					if n := len(s.messages()); n != 0 {
						t.Errorf("%s: %d requests", name, n)
					}
				}
			}
		})
	}
}

func TestEnvironmentWithALineBreakIsRefused(t *testing.T) {
	t.Setenv("OSS_ACCESS_KEY_ID", "id")
	t.Setenv("OSS_ACCESS_KEY_SECRET", "hunter2\n")
	t.Setenv("OSS_SESSION_TOKEN", "")
	_, err := play(says(200, "")).client(t, oss.Config{Credentials: oss.EnvCredentials()}).HeadObject(t.Context(),
		"bucket", "key", nil)
	if err == nil || !strings.Contains(err.Error(), "AccessKeySecret ends with a line break") {
		t.Errorf("HeadObject: %v", err)
	}
}

// A spoiler is a Signer that sets what no request can carry.
type spoiler struct{ signer.V1 }

func (spoiler) Sign(req *http.Request, _ signer.Params) error {
	req.Header.Set("Authorization", "a\nb")
	return nil
}

func TestRequestThatCannotBeSentIsTriedOnce(t *testing.T) {
	attempts := 0
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, Signer: spoiler{}, Hooks: oss.Hooks{
		OnAttempt: func(context.Context, oss.Operation, oss.Attempt) { attempts++ },
	}})
	if _, err := c.HeadObject(t.Context(), "bucket", "key", nil); err == nil || attempts != 1 ||
		!strings.Contains(err.Error(), `header "Authorization", which cannot be sent`) {
		t.Errorf("HeadObject: %v after %d attempts", err, attempts)
	}
}

// TestMetadataThatOSSDoesNotKeepIsRefused is BR13 and R10: an underscore in a name led to SignatureDoesNotMatch, and so
// may an empty value.
func TestMetadataThatOSSDoesNotKeepIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts oss.ObjectOptions
		want string
	}{
		{"underscore", oss.ObjectOptions{Metadata: map[string]string{"user_id": "7"}}, `metadata name "user_id"`},
		{"dot", oss.ObjectOptions{Metadata: map[string]string{"user.id": "7"}}, `metadata name "user.id"`},
		{"underscore in Header", oss.ObjectOptions{Header: http.Header{"x-oss-meta-user_id": {"7"}}},
			"X-Oss-Meta-User_id has an underscore"},
		{"underscore in another header", oss.ObjectOptions{Header: http.Header{"x-oss_a-b": {"7"}, "x-oss-a_b": {"7"}}},
			"X-Oss-A_b has an underscore"},
		{"empty value", oss.ObjectOptions{Metadata: map[string]string{"color": ""}}, "X-Oss-Meta-Color is empty"},
		{"blank value", oss.ObjectOptions{Metadata: map[string]string{"color": " \t"}}, "X-Oss-Meta-Color is empty"},
		{"empty value in Header", oss.ObjectOptions{Header: http.Header{"X-Oss-Meta-Color": {""}}},
			"X-Oss-Meta-Color is empty"},
		{"value between blanks", oss.ObjectOptions{Metadata: map[string]string{"color": " red"}},
			`" red" of the metadata X-Oss-Meta-Color begins or ends with a blank`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(stores)
			c := s.client(t, oss.Config{})
			_, err := c.PutObject(t.Context(), "bucket", "key", strings.NewReader("x"), &tt.opts)
			_, err2 := c.InitiateMultipartUpload(t.Context(), "bucket", "key", &tt.opts)
			_, err3 := c.PresignPut(t.Context(), "bucket", "key", time.Hour, &tt.opts)
			for _, err := range []error{err, err2, err3} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
			}
			if n := len(s.messages()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
	if _, err := play(stores).client(t, oss.Config{}).PutObject(t.Context(), "bucket", "key", strings.NewReader("x"),
		&oss.ObjectOptions{
			Metadata: map[string]string{"User-Id7": "red \u00e9 blue"},
		}); err != nil {
		t.Error(err)
	}
}

// TestDefaultHeadersReachEveryRequest is BR33: with requester pays, operations without options of their own got 403.
func TestDefaultHeadersReachEveryRequest(t *testing.T) {
	payer := http.Header{"x-oss-request-payer": {"requester"}, "X-Trace": {"default"}}
	for name, op := range operations {
		s := play(refuses(403, "AccessDenied"))
		if err := op(t.Context(), s.client(t, oss.Config{Header: payer})); !errors.Is(err, oss.ErrAccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
		for _, m := range s.messages() {
			if m.Header.Get("x-oss-request-payer") != "requester" || m.Header.Get("X-Trace") != "default" ||
				!strings.HasPrefix(m.Header.Get("Authorization"), "OSS4-") {
				t.Errorf("%s was sent with %v", name, m.Header)
			}
		}
		if len(s.messages()) != 1 {
			t.Errorf("%s: %d requests", name, len(s.messages()))
		}
	}
	s := play(says(200, ""))
	c := s.client(t, oss.Config{Header: payer})
	if _, err := c.HeadObject(t.Context(), "bucket", "key",
		&oss.HeadOptions{Header: http.Header{"x-trace": {"mine"}}}); err != nil {
		t.Error(err)
	}
	if got := s.messages()[0].Header; got.Get("X-Trace") != "mine" || len(got.Values("X-Trace")) != 1 ||
		got.Get("x-oss-request-payer") != "requester" {
		t.Errorf("a header of the request beside a default: %v", got)
	}
	p, err := c.PresignPart(t.Context(), upload, 1, time.Hour)
	if err != nil || p.Header.Get("x-oss-request-payer") != "requester" {
		t.Errorf("PresignPart: %v with %v", err, p)
	}
	if len(payer) != 2 || !slices.Contains(slices.Collect(maps.Keys(payer)), "x-oss-request-payer") {
		t.Errorf("the caller's header is now %v", payer)
	}
	for name, h := range map[string]http.Header{
		"Host": {"Host": {"h"}}, "Content-Length": {"content-length": {"1"}}, "Authorization": {"authorization": {"x"}},
		"User-Agent":   {"User-Agent": {"x"}},
		"Content-Type": {"content-type": {"a/b"}}, "Range": {"Range": {"bytes=0-1"}},
		"X-Oss-Callback": {"x-oss-callback": {"e30="}},
		"X-Oss-Meta-A":   {"x-oss-meta-a": {"b"}}, "If-Match": {"if-match": {"a"}}, "control": {"X-A": {"a\nb"}},
		`"a b"`: {"a b": {"c"}},
	} {
		if _, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Header: h}); err == nil ||
			!strings.Contains(err.Error(), name) || !strings.HasPrefix(err.Error(), "oss: Config.Header: ") {
			t.Errorf("NewClient with %v: %v, want an error that names %s", h, err, name)
		}
	}
}
