package oss_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// secrets are keys whose private halves are easy to find.
var secrets = oss.Credentials{
	AccessKeyID: "PublicID", AccessKeySecret: "hunter2-secret", SecurityToken: "hunter2-token",
	Expires: time.Now().Add(time.Hour),
}

// printed collects whatever a program may print of a failing run.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// all prints v in every way.
func (p *printed) all(name string, v any) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(p, name+": "+format+"\n", v)
	}
	slog.New(slog.NewTextHandler(p, nil)).Info(name, "value", v)
	slog.New(slog.NewJSONHandler(p, nil)).Info(name, "value", v)
}

// expose prints what can be reached from an error.
func (p *printed) expose(err error) {
	p.all("error", err)
	var refused *oss.ServiceError
	if errors.As(err, &refused) {
		p.all("service error", *refused)
		p.all("header", refused.Header)
	}
}

// echoes refuses a request as OSS does whose signature does not match, and as a rude proxy does.
func echoes(r *http.Request, _ string) (*http.Response, error) {
	p := signer.Params{Bucket: "bucket", Key: "key", Time: time.Now()}
	doc := "<Error><Code>SignatureDoesNotMatch</Code><Message>token " + r.Header.Get("x-oss-security-token") +
		"</Message><StringToSign>" +
		signer.V1{}.StringToSign(r,
			p) + "</StringToSign><CanonicalRequest>" + html.EscapeString(signer.V4{}.CanonicalRequest(r,
		p)) + "</CanonicalRequest></Error>"
	return says(403, doc)(r, "")
}

// headersOf writes the headers of r as a page that shows them to its reader.
func headersOf(r *http.Request, quote func(string) string) string {
	var b strings.Builder
	for name, values := range r.Header {
		fmt.Fprintf(&b, "%s=%s;", name, quote(values[0]))
	}
	return strings.ReplaceAll(b.String(), "Authorization", "auth") // whose name the test forbids, too
}

// repeats answers with a page that repeats what it was sent.
func repeats(status int, quote func(string) string, header ...string) answer {
	return func(r *http.Request, _ string) (*http.Response, error) {
		resp, err := says(status, "<html>You sent "+headersOf(r, quote)+" to us", header...)(r, "")
		resp.Header.Set("X-Debug", headersOf(r, quote))
		return resp, err
	}
}

// cutting answers with a page of which what is kept ends within a secret.
func cutting(status, filler int) answer {
	return func(r *http.Request, _ string) (*http.Response, error) {
		return says(status,
			strings.Repeat("x",
				filler)+r.Header.Get("x-oss-security-token")+r.Header.Get("Authorization")+r.Header.Get(
				"x-oss-security-token"))(r, "")
	}
}

// quotes fails as net/http does over a reply that it cannot read.
func quotes(r *http.Request, _ string) (*http.Response, error) {
	return nil, fmt.Errorf("malformed MIME header line: %s", headersOf(r, plainly))
}

func plainly(s string) string { return s }

func inJSON(s string) string {
	b, _ := json.Marshal(s) // of a string fails never
	return strings.ReplaceAll(string(b), "/", `\/`)
}

func TestCatalogueK5NothingSecretIsPrinted(t *testing.T) {
	for _, sig := range []signer.Signer{signer.V1{}, signer.V4{}} {
		for name, reply := range map[string]answer{
			"refused": refuses(403, "AccessDenied"), "echoed": echoes, "rude": repeats(502, plainly),
			"busy":   refuses(503, "ServiceUnavailable"),
			"broken": breaks(io.ErrUnexpectedEOF), "damaged": says(200, "", "ETag", `"A"`), "page": says(200, "<html>"),
			"courteous": repeats(200, plainly),
			"portal":    repeats(302, plainly, "Location", "https://portal.example.com/"),
			"escaped":   repeats(403, url.QueryEscape), "escaped for HTML": repeats(403, template.HTMLEscapeString),
			"in JSON": repeats(500, inJSON),
			"cut":     cutting(403, 1016), "cut success": cutting(200, 1016), "cut early": cutting(403, 150),
			"quoted": quotes,
		} {
			t.Run(fmt.Sprintf("%T %s", sig, name), func(t *testing.T) {
				var out printed
				hooks := oss.Hooks{
					OnStart: func(ctx context.Context, op oss.Operation) context.Context {
						out.all("start", op)
						return ctx
					},
					OnAttempt: func(_ context.Context, op oss.Operation, a oss.Attempt) {
						out.all("attempt", op)
						out.all("attempt", a)
						out.expose(a.Err)
					},
					OnEnd: func(_ context.Context, op oss.Operation, err error) { out.expose(err) },
				}
				s := play(reply)
				cfg := oss.Config{
					Region: "cn-hangzhou", Signer: sig, Credentials: oss.CacheCredentials(secrets, 0), Hooks: hooks,
					HTTPClient: &http.Client{Transport: s}, Retry: oss.Retry{MinWait: 1, MaxWait: 1},
					Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				c := newClient(t, cfg)
				ctx, cancel := context.WithCancel(t.Context())
				_, err := c.UploadPart(ctx, upload, 1, strings.NewReader("body"), nil)
				out.expose(err)
				_, err = c.ListParts(ctx, upload, nil)
				out.expose(err)
				_, err = c.CompleteMultipartUpload(ctx, upload, []oss.Part{{Number: 1, ETag: `"A"`}}, nil)
				out.expose(err)
				_, err = c.HeadObject(ctx, "bucket", "key", nil)
				out.expose(err)
				cancel()
				_, err = c.HeadObject(ctx, "bucket", "key", nil)
				out.expose(err)

				signed, err := c.PresignPart(t.Context(), upload, 1, time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				fixed := oss.Config{Region: "cn-hangzhou", Credentials: secrets}
				for name, v := range map[string]any{
					"presigned": *signed, "presigned pointer": signed, "client": c,
					"client in a struct": struct{ C *oss.Client }{c},
					"cache":              cfg.Credentials, "config": fixed, "config pointer": &fixed,
					"client of fixed keys": newClient(t, fixed),
				} {
					out.all(name, v)
				}
				fmt.Fprintf(&out, "%v %+v %#v %v\n", cfg, cfg, cfg, []oss.Presigned{*signed})

				forbidden := []string{"hunter2", "Authorization"}
				for _, m := range s.messages() {
					auth := m.Header.Get("Authorization")
					_, v1, _ := strings.Cut(auth, ":")
					_, v4, _ := strings.Cut(auth, "Signature=")
					if secret := v1 + v4; secret != "" {
						forbidden = append(forbidden, secret, url.QueryEscape(secret), secret[:10])
					}
				}
				u, _ := url.Parse(signed.URL)
				for name, values := range u.Query() {
					if strings.Contains(strings.ToLower(name), "signature") && !strings.Contains(name, "version") ||
						strings.Contains(name, "token") {
						forbidden = append(forbidden, values[0], url.QueryEscape(values[0]))
					}
				}
				for line := range strings.Lines(out.text.String()) {
					for _, f := range forbidden {
						if f == "" || strings.Contains(line, f) || strings.Contains(line, fmt.Sprintf("%x", f)) {
							t.Fatalf("%q was printed: %.500s", f, line)
						}
					}
				}
				if out.text.Len() < 1000 || len(s.messages()) < 3 {
					t.Errorf("only %d bytes and %d requests were looked at", out.text.Len(), len(s.messages()))
				}
			})
		}
	}
}

func TestMaskedValuesStillSayWhatTheyAre(t *testing.T) {
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: secrets})
	if got := fmt.Sprintf("%v", c); got != "oss.Client{https://oss-cn-hangzhou.aliyuncs.com}" {
		t.Errorf("client prints as %s", got)
	}
	p := oss.Presigned{Method: "PUT", URL: "https://b.example.com/k?Signature=s",
		Expires: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	if got, want := fmt.Sprint(p), "PUT https://b.example.com/k?[signed until 2026-03-01T12:00:00Z]"; got != want {
		t.Errorf("Presigned prints as %s, want %s", got, want)
	}
}
