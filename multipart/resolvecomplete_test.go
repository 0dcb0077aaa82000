package multipart

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A completedOSS is a service that is asked what a Complete has done. Each field names one answer.
type completedOSS struct {
	upload string // there, gone or unknown
	abort  string // ended, unconfirmed, failed or found nothing
	object string // ours, other, older, none or unknown
	want   expected

	asked []string // operations, in order, without those that repeat the one before
}

func (o *completedOSS) RoundTrip(r *http.Request) (*http.Response, error) {
	op := map[string]string{http.MethodGet: "list", http.MethodDelete: "abort", http.MethodHead: "head"}[r.Method]
	if n := len(o.asked); n == 0 || o.asked[n-1] != op {
		o.asked = append(o.asked, op)
	}
	status, text, code := http.StatusOK, "", oss.Code("")
	header := http.Header{"X-Oss-Request-Id": {"5C3D9175B6FC201293AD4890"},
		"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	switch op {
	case "list":
		switch o.upload {
		case "there":
			text = `<ListPartsResult><Bucket>bucket</Bucket><Key>key</Key><UploadId>id</UploadId>` +
				`<IsTruncated>false</IsTruncated></ListPartsResult>`
		case "gone":
			status, code = http.StatusNotFound, oss.ErrNoSuchUpload
		case "unknown":
			status, code = http.StatusForbidden, oss.ErrAccessDenied
		}
	case "abort":
		switch o.abort {
		case "ended":
			status, o.upload = http.StatusNoContent, "gone"
		case "unconfirmed":
			status, o.upload = http.StatusNoContent, "unknown"
		case "failed":
			status, code = http.StatusForbidden, oss.ErrAccessDenied
		case "found nothing":
			status, code, o.upload = http.StatusNotFound, oss.ErrNoSuchUpload, "gone"
		}
	case "head":
		crc, modified := o.want.crc, time.Now()
		switch o.object {
		case "other":
			crc++
		case "older":
			modified = modified.Add(-time.Hour)
		case "none":
			status, code = http.StatusNotFound, oss.ErrNoSuchKey
		case "unknown":
			status, code = http.StatusForbidden, oss.ErrAccessDenied
		}
		header.Set("ETag", o.want.etag)
		header.Set("Content-Length", strconv.FormatInt(o.want.size, 10))
		header.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
		header.Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(crc, 10))
	}
	if code != "" {
		header.Set("X-Oss-Ec", string(code))
		text = fmt.Sprintf("<Error><Code>%s</Code><Message>m</Message>"+
			"<RequestId>5C3D9175B6FC201293AD4890</RequestId></Error>", code)
		header.Del("Content-Length")
	}
	size := int64(len(text))
	if op == "head" && code == "" {
		size = o.want.size
	}
	body := io.NopCloser(strings.NewReader(text))
	if op == "head" {
		body = http.NoBody
	}
	return &http.Response{StatusCode: status, Header: header, Body: body, ContentLength: size, Request: r}, nil
}

// verdictOf names what an upload ended with.
func verdictOf(res *oss.PutResult, err error) string {
	var ue *UploadError
	switch {
	case err == nil && res != nil:
		return "succeeded"
	case !errors.As(err, &ue):
		return fmt.Sprintf("no UploadError: %v", err)
	case errors.Is(err, oss.ErrCallbackFailed):
		return "object exists"
	case errors.Is(err, ErrOutcomeUnknown):
		return "unknown"
	case ue.AbortErr != nil:
		return "failed, parts left"
	case ue.Aborted:
		return "failed"
	}
	return "failed, parts kept"
}

// The rows are those of the table at resolveComplete.
func TestAFailedCompleteIsResolvedByItsTable(t *testing.T) {
	refusal := func(status int, code oss.Code) error {
		return &oss.ServiceError{Op: "CompleteMultipartUpload", StatusCode: status, Code: code,
			RequestID: "5C3D9175B6FC201293AD4890"}
	}
	lost, denied, noUpload := errors.New("connection reset"), refusal(403, oss.ErrAccessDenied),
		refusal(404, oss.ErrNoSuchUpload)
	for _, tt := range []struct {
		cause         error
		certain, keep bool
		oss           completedOSS
		want          string
		asked         string // in order
	}{
		{refusal(203, oss.ErrCallbackFailed), true, false, completedOSS{}, "object exists", ""},

		{denied, true, false, completedOSS{upload: "there", abort: "ended"}, "failed", "abort list"},
		{denied, true, true, completedOSS{}, "failed, parts kept", ""},
		{refusal(400, oss.ErrInvalidPart), false, false, completedOSS{upload: "there", abort: "ended"}, "failed",
			"abort list"},
		{refusal(400, oss.ErrInvalidPart), false, true, completedOSS{}, "failed, parts kept", ""},

		{lost, false, false, completedOSS{upload: "unknown"}, "unknown", "list"},
		{noUpload, true, false, completedOSS{upload: "unknown"}, "unknown", "list"},
		// an earlier attempt may have completed it
		{denied, false, false, completedOSS{upload: "unknown"}, "unknown", "list"},

		{lost, false, true, completedOSS{upload: "there"}, "unknown", "list"},
		{lost, true, true, completedOSS{upload: "there"}, "failed, parts kept", "list"},

		{lost, false, false, completedOSS{upload: "there", abort: "ended", object: "ours"},
			"failed", "list abort list"},
		{lost, false, false, completedOSS{upload: "there", abort: "unconfirmed"}, "failed, parts left",
			"list abort list abort list abort list abort list abort list abort list"},
		{lost, true, false, completedOSS{upload: "there", abort: "failed"}, "failed, parts left", "list abort"},
		{lost, false, false, completedOSS{upload: "there", abort: "failed"}, "unknown", "list abort"},
		{lost, false, false, completedOSS{upload: "there", abort: "found nothing", object: "ours"},
			"succeeded", "list abort list head"},
		{lost, false, false, completedOSS{upload: "there", abort: "found nothing", object: "none"},
			"unknown", "list abort list head"},

		{lost, false, false, completedOSS{upload: "gone", object: "ours"}, "succeeded", "list head"},
		{lost, false, true, completedOSS{upload: "gone", object: "ours"}, "succeeded", "list head"},
		{noUpload, false, false, completedOSS{upload: "gone", object: "ours"}, "succeeded", "list head"},
		{lost, false, false, completedOSS{upload: "gone", object: "other"}, "unknown", "list head"},
		{lost, false, false, completedOSS{upload: "gone", object: "older"}, "unknown", "list head"},
		{lost, false, false, completedOSS{upload: "gone", object: "unknown"}, "unknown", "list head"},
		{noUpload, false, false, completedOSS{upload: "gone", object: "none"}, "unknown", "list head"},
		{noUpload, true, false, completedOSS{upload: "gone", object: "none"}, "failed", "list head"},
		{noUpload, true, false, completedOSS{upload: "gone", object: "older"}, "failed", "list head"},
		{lost, true, false, completedOSS{upload: "gone", object: "none"}, "unknown", "list head"},
	} {
		name := fmt.Sprintf("%v certain=%v keep=%v upload=%s abort=%s object=%s",
			tt.cause, tt.certain, tt.keep, tt.oss.upload, tt.oss.abort, tt.oss.object)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := &transferResult{parts: []oss.Part{
					{Number: 1, Size: 10, CRC64: 7, ETag: `"` + strings.Repeat("A", 32) + `"`},
				}}
				o := tt.oss
				o.want = expect(sent.parts)
				c, err := oss.NewClient(oss.Config{
					Region: "cn-hangzhou", Credentials: oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"},
					MinPartSize: 1,
					HTTPClient:  &http.Client{Transport: &o},
				})
				if err != nil {
					t.Fatal(err)
				}
				u := NewUploader(c, nil)
				plan := Plan{Upload: oss.Upload{Bucket: "bucket", Key: "key", ID: "id"}, Size: 10, PartSize: 10}
				j := u.newJob(t.Context(), plan, requestOptions{})
				j.keep = tt.keep
				res, err := j.resolveComplete(t.Context(), sent, o.want, time.Now(), tt.cause, tt.certain)
				if got := verdictOf(res, err); got != tt.want || strings.Join(o.asked, " ") != tt.asked {
					t.Errorf("verdict %q after %q, want %q after %q; error: %v", got, o.asked, tt.want, tt.asked, err)
				}
				if err != nil && !errors.Is(err, tt.cause) {
					t.Errorf("error %v does not match its cause", err)
				}
			})
		})
	}
}
