package conformance_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	requestID = regexp.MustCompile(`^[0-9A-F]{24}$`)
	uploadID  = regexp.MustCompile(`^[0-9A-F]{32}$`)
	docTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$`)
	digits    = regexp.MustCompile(`^[0-9]+$`)
)

// matches fails t unless got has the form.
func matches(t *testing.T, what, got string, form *regexp.Regexp) {
	t.Helper()
	if !form.MatchString(got) {
		t.Errorf("%s = %q, want the form %s", what, got, form)
	}
}

// headerAssumptions are about what all replies have in common.
func headerAssumptions() []assumption {
	return []assumption{
		{
			ID: "A010", Source: recorded, Where: "every recording", Ops: []string{"HeadObject", "GetObject"},
			Claim: "Every reply has an x-oss-request-id of 24 upper-case hex digits, of which " +
				"the first eight are the time.",
			check: func(t *testing.T, e *env) {
				for _, r := range []*reply{e.head(t, e.key("none")), e.get(t, e.key("none"))} {
					id := r.header.Get("x-oss-request-id")
					matches(t, "x-oss-request-id", id, requestID)
					date, err := http.ParseTime(r.header.Get("Date"))
					if err != nil {
						t.Fatal(err)
					}
					seconds, _ := strconv.ParseInt(id[:min(8, len(id))], 16, 64)
					if d := date.Sub(time.Unix(seconds, 0)).Abs(); d > 5*time.Second {
						t.Errorf("request ID %s and Date %v are %v apart", id, date, d)
					}
				}
			},
		},
		{
			ID: "A011", Source: recorded, Where: "every recording", Ops: []string{"HeadObject"},
			Claim: "Every reply has Server: AliyunOSS and a Date in the form of RFC 1123, GMT.",
			check: func(t *testing.T, e *env) {
				r := e.head(t, e.key("none")).is(t, "Server", "AliyunOSS")
				date := r.header.Get("Date")
				if when, err := time.Parse(http.TimeFormat, date); err != nil ||
					when.Sub(e.now()).Abs() > 15*time.Minute {
					t.Errorf("Date = %q (%v), want about now", date, err)
				}
			},
		},
		{
			ID: "A012", Source: recorded, Where: "every recording but a few GetObject",
			Ops:   []string{"PutObject", "HeadObject", "InitiateMultipartUpload"},
			Claim: "x-oss-server-time is a whole number, the milliseconds OSS took.",
			check: func(t *testing.T, e *env) {
				for _, r := range []*reply{
					e.head(t, e.key("none")),
					e.send(t, request{method: "PUT", key: e.key("object")}),
					e.send(t, request{method: "POST", key: e.key("object"), query: []string{"uploads", ""}}),
				} {
					matches(t, "x-oss-server-time", r.header.Get("x-oss-server-time"), digits)
				}
			},
		},
		{
			ID: "A013", Source: recorded, Where: "aliblobstoreit_testnonexistentbucket-*.json",
			Ops:   []string{"HeadObject"},
			Claim: "NoSuchBucket comes without x-oss-server-time.",
			check: func(t *testing.T, e *env) {
				r := e.send(t, request{method: "HEAD", bucket: e.missingBucket(), key: "key"}).wants(t, 404)
				r.carries(t, "Content-Type", "x-oss-ec", "x-oss-err")
				r.is(t, "x-oss-server-time", "")
			},
		},
		{
			ID: "A014", Source: recorded, Where: "every recording with a body",
			Ops: []string{"InitiateMultipartUpload", "GetObject"},
			Claim: "A document comes as application/xml without charset, begins with a declaration, is indented by " +
				"two spaces, ends with a line feed and has no xmlns.",
			check: func(t *testing.T, e *env) {
				for _, r := range []*reply{
					e.send(t, request{method: "POST", key: e.key("object"), query: []string{"uploads", ""}}),
					e.get(t, e.key("none")),
				} {
					r.is(t, "Content-Type", "application/xml", "Content-Length", strconv.Itoa(len(r.body)))
					if !bytes.HasPrefix(r.body, []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<")) ||
						!bytes.HasSuffix(r.body, []byte(">\n")) {
						t.Errorf("document is not framed as expected: %q", r.body)
					}
					lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
					if len(lines) < 4 {
						t.Fatalf("document has %d lines", len(lines))
					}
					for _, line := range lines[2 : len(lines)-1] {
						if !strings.HasPrefix(line, "  <") {
							t.Errorf("line %q is not indented by two spaces", line)
						}
					}
					r.xml(t) // fails over attributes
				}
			},
		},
		{
			ID: "A015", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-get-3.json",
			Ops:   []string{"ListParts", "ListMultipartUploads"},
			Claim: "Times inside documents are UTC and end with .000Z.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, []byte("1"))
				for _, p := range e.parts(t, key, id).all("Part") {
					matches(t, "LastModified", p.get("LastModified"), docTime)
				}
				r := e.send(t, request{method: "GET", query: []string{"uploads", "", "prefix", key}})
				for _, u := range r.xml(t).all("Upload") {
					matches(t, "Initiated", u.get("Initiated"), docTime)
				}
			},
		},
		{
			ID: "A016", Source: recorded, Where: "every recorded refusal", Ops: []string{"GetObject"},
			Claim: "A refusal has the elements Code, Message, RequestId, HostId, those of " +
				"its code, EC, RecommendDoc, " +
				"in this order, and repeats its headers.",
			check: func(t *testing.T, e *env) {
				r := e.get(t, e.key("none"))
				r.carries(t, "Content-Type", "x-oss-ec")
				doc := e.refused(t, r, 404, "NoSuchKey", "0026-00000001", "Key", e.key("none"))
				equal(t, "RequestId", doc.get("RequestId"), r.header.Get("x-oss-request-id"))
				equal(t, "HostId", doc.get("HostId"), r.sent.URL.Host)
				equal(t, "x-oss-ec", r.header.Get("x-oss-ec"), doc.get("EC"))
				if _, q, _ := strings.Cut(doc.get("RecommendDoc"), "/troubleshoot?q="); q != doc.get("EC") {
					t.Errorf("RecommendDoc = %q, want one about EC %s", doc.get("RecommendDoc"), doc.get("EC"))
				}
			},
		},
		{
			ID: "A017", Source: recorded, Where: "aliblobstoreit_testgetmetadatablobnotexists-head-0.json",
			Ops:   []string{"HeadObject", "GetObjectMeta"},
			Claim: "A refusal of HEAD has its document in x-oss-err, as base64, and its EC in x-oss-ec.",
			check: func(t *testing.T, e *env) {
				for _, query := range [][]string{nil, {"objectMeta", ""}} {
					r := e.send(t, request{method: "HEAD", key: e.key("none"), query: query})
					r.carries(t, "Content-Type", "x-oss-ec", "x-oss-err")
					r.is(t, "Content-Type", "application/xml", "x-oss-ec", "0026-00000001")
					doc := e.refused(t, r, 404, "NoSuchKey", "0026-00000001", "Key", e.key("none"))
					equal(t, "RequestId", doc.get("RequestId"), r.header.Get("x-oss-request-id"))
				}
			},
		},
		{
			ID: "A018", Source: recorded2015,
			Where: "aliyun/aliyun-oss-python-sdk unittests/test_multipart.py, test_object.py",
			Ops:   []string{"UploadPart", "PutObject"},
			Claim: "A reply to stored bytes has Content-Length: 0 and no Content-Type.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				for _, r := range []*reply{
					e.upload(t, key, e.initiate(t, key), 1, []byte("1")),
					e.send(t, request{method: "PUT", key: key, body: []byte("1")}),
				} {
					r.wants(t, 200).is(t, "Content-Length", "0", "Content-Type", "")
				}
			},
		},
	}
}
