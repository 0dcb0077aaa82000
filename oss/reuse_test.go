package oss_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
)

func TestConnectionsAreUsedAgainAfterEveryReply(t *testing.T) {
	const doc = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>"
	put := func(t *testing.T, c *oss.Client) error {
		_, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil)
		return err
	}
	for _, tt := range []struct {
		name   string
		status int
		call   func(t *testing.T, c *oss.Client) error
		start  string // of the reply's body
	}{
		{"success", 200, put, ""},
		{"success with a document", 200, func(t *testing.T, c *oss.Client) error {
			_, err := c.ListParts(t.Context(), upload, nil)
			return err
		}, doc},
		{"success that cannot be read", 200, func(t *testing.T, c *oss.Client) error {
			_, err := c.ListParts(t.Context(), upload, nil)
			return err
		}, "<html><body>"},
		{"deletion", 204,
			func(t *testing.T, c *oss.Client) error { return c.AbortMultipartUpload(t.Context(), upload) }, ""},
		{"failed callback", 203, put, "<Error><Code>CallbackFailed</Code></Error>"},
		{"redirect", 307, put, ""},
		{"refusal", 403, put, "<Error><Code>AccessDenied</Code></Error>"},
		{"refusal of a proxy", 407, put, "go away"},
		{"no such upload", 404, put, "<Error><Code>NoSuchUpload</Code></Error>"},
		{"throttling", 503, put, "<Error><Code>ServiceUnavailable</Code></Error>"},
		{"failure", 500, put, ""},
	} {
		for _, length := range []int{0, 100, 10_000, 200_000} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/chunked=%t", tt.name, length, chunked), func(t *testing.T) {
					if tt.status == http.StatusNoContent && length > 0 {
						t.Skip("no content has no length")
					}
					synctest.Test(t, func(t *testing.T) {
						line := newRawServer(t, func(e *serverConn) {
							for r := bufio.NewReader(e); ; {
								req, err := http.ReadRequest(r)
								if err != nil {
									return
								}
								sent, _ := io.ReadAll(req.Body)
								text := tt.start + strings.Repeat(" ", length)
								resp := http.Response{StatusCode: tt.status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
									Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
									Header: http.Header{"Etag": {etag(string(sent))},
										"X-Oss-Hash-Crc64ecma": {crc(string(sent))}}}
								if chunked && tt.status != http.StatusNoContent {
									resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
								}
								resp.Write(e)
							}
						})
						c := line.client(t, oss.Config{Retry: oss.Retry{Attempts: 2}})
						for range 3 {
							err := tt.call(t, c)
							var refused *oss.ServiceError
							if errors.As(err, &refused) != (tt.status >= 300 || tt.status == 203) {
								t.Error(err)
							}
							synctest.Wait() // until the connection is idle
						}
						if line.dials() != 1 {
							t.Errorf("%d connections, want 1", line.dials())
						}
					})
				})
			}
		}
	}
}
