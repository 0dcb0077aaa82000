package conformance_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// Buckets of the recordings.
const (
	recordedBucket  = "chameleon-multicloudj-test"
	versionedBucket = "chameleon-multicloudj-test-versioned"
)

// presumed returns what a recording does not show of its request: headers, and the state it
// presupposes. The contents are those of the tests that were recorded; their ETags and CRC-64s prove it.
func presumed(file string) (header []string, state func(t *testing.T, p *replay)) {
	put := func(key, content string) func(*testing.T, *replay) {
		return func(t *testing.T, p *replay) {
			p.send(t, request{method: "PUT", key: "conformance-tests/" + key, body: []byte(content)}).wants(t, 200)
		}
	}
	switch file {
	case "testmultipartupload_singlepart-post-6":
		return []string{"Content-Type", "text/plain", "x-oss-meta-123", "456"}, nil
	case "testmultipartupload_duplicateparts-post-8":
		return []string{"Content-Type", "text/plain", "x-oss-meta-567", "456"}, nil
	case "testmultipartupload_withkms-post-7":
		return []string{"Content-Type", "text/plain", "x-oss-meta-encryption", "kms",
				"x-oss-server-side-encryption", "KMS", "x-oss-server-side-encryption-key-id",
				"key-shh6a32d9fajtygsv4msy"},
			nil
	case "testmultipartupload_withkms-get-4": // the recording of part 2 was not kept
		return nil, func(t *testing.T, p *replay) {
			id := p.ids["585F5259F3BE433CBED29234B270C9BC"]
			p.upload(t, "conformance-tests/multipart-withKms", id, 2, block('2', recordedPart)).wants(t, 200)
		}
	case "testuploadwithmd5checksum_bytearray-put-2":
		return []string{"Content-MD5", "VUWMtYWH7LiOmE4fPcJQTw=="}, nil
	case "testuploadwithinvalidmd5checksum_inputstream-put-1":
		return []string{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}, nil
	case "testrangedread-get-78":
		return []string{"Range", "bytes=0-9"}, nil
	case "testrangedread-get-73":
		return []string{"Range", "bytes=0-100"}, nil
	case "testdoesobjectexist-head-4":
		return nil, put("doesBlobExist/unversioned", "This is the second test data")
	case "testcopy-put-15":
		return nil, put("blob-for-copying", "Please copy this data!")
	}
	return nil, nil
}

// recordedPart is the size of every recorded part.
const recordedPart = 5 << 20

// partBody returns the bytes of a part, which are one digit over and over, by its ETag.
func partBody(etag string) []byte {
	for _, digit := range "1234" {
		if body := block(byte(digit), recordedPart); etagOf(body) == etag {
			return body
		}
	}
	return nil
}

// A replay sends one series of recorded requests to a fake server of its own.
type replay struct {
	*env
	clock *clock
	ids   map[string]string // upload IDs, from the recorded to the one given
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	clock := newClock()
	srv := osstest.NewServer(&osstest.Options{
		Region: "cn-shanghai", Buckets: []string{recordedBucket, versionedBucket}, Now: clock.now,
	})
	t.Cleanup(srv.Close)
	srv.SetVersioning(versionedBucket, true)
	target, err := newSystem(recordedBucket, srv.Config())
	if err != nil {
		t.Fatal(err)
	}
	target.Fake = srv
	return &replay{env: &env{system: target}, clock: clock, ids: make(map[string]string)}
}

// run sends the request of r at its recorded time.
func (p *replay) run(t *testing.T, r *recording) *reply {
	t.Helper()
	p.clock.set(r.when(t))
	header, state := presumed(r.file)
	if state != nil {
		state(t, p)
	}
	req := request{method: r.method, bucket: r.bucket(), key: r.key, header: header, body: r.body}
	for name, value := range r.query {
		if given, ok := p.ids[value]; ok && name == "uploadId" {
			value = given
		}
		req.query = append(req.query, name, value)
	}
	if r.copySource != "" {
		req.header = append(req.header, "x-oss-copy-source", r.copySource)
	}
	if strings.HasPrefix(r.series, "testinvalidcredentials") {
		req.keys = &signer.Credentials{AccessKeyID: "invalidAccessKey", AccessKeySecret: "secret"}
	}
	if _, ok := r.query["partNumber"]; ok && r.body == nil {
		if req.body = partBody(r.header.Get("ETag")); req.body == nil {
			t.Fatalf("no part has ETag %s", r.header.Get("ETag"))
		}
	}
	got := p.send(t, req)
	if _, ok := r.query["uploads"]; ok && got.status == 200 && r.status == 200 {
		recorded, err := parseXML(r.reply)
		if err != nil {
			t.Fatal(err)
		}
		p.ids[recorded.get("UploadId")] = got.xml(t).get("UploadId")
	}
	return got
}

var (
	versionID        = regexp.MustCompile(`^CAEQigEY[\w.]+--$`)
	requestIDElement = regexp.MustCompile(`<RequestId>([^<]*)</RequestId>`)
	timeElement      = regexp.MustCompile(`<LastModified>([^<]*)</LastModified>`)
)

// compare returns how the reply got differs from the recorded one. It looks at the status, at every
// header and every byte of the body. Only times may differ, by little, and IDs that are new each time.
func (p *replay) compare(r *recording, got *reply) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if got.status != r.status {
		report("status is %d, recorded %d", got.status, r.status)
	}
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		have, want := got.header.Get(name), r.header.Get(name)
		if len(got.header[name]) == 0 {
			report("%s is missing", name)
			continue
		}
		switch name {
		case "X-Oss-Request-Id":
			if !requestID.MatchString(have) {
				report("%s is %q, recorded %q", name, have, want)
			}
		case "X-Oss-Version-Id":
			if !versionID.MatchString(have) || len(have) != len(want) {
				report("%s is %q, recorded %q", name, have, want)
			}
		case "X-Oss-Server-Time":
			if !digits.MatchString(have) {
				report("%s is %q, recorded %q", name, have, want)
			}
		case "Date", "Last-Modified":
			if !near(http.TimeFormat, have, want) {
				report("%s is %q, recorded %q", name, have, want)
			}
		case "X-Oss-Err": // compared as a body
		default:
			if have != want {
				report("%s is %q, recorded %q", name, have, want)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		if len(r.header[name]) == 0 && name != "Content-Length" && name != "Connection" { // the recorder dropped these
			report("%s was not recorded", name)
		}
	}
	recorded := &reply{header: r.header, body: r.reply}
	return append(found, p.compareBodies(string(recorded.document()), string(got.document()))...)
}

func (p *replay) compareBodies(want, have string) (found []string) {
	for recorded, given := range p.ids {
		have = strings.ReplaceAll(have, given, recorded)
	}
	times, recordedTimes := timeElement.FindAllStringSubmatch(have, -1), timeElement.FindAllStringSubmatch(want, -1)
	for i := range min(len(times), len(recordedTimes)) {
		if !near("2006-01-02T15:04:05.000Z", times[i][1], recordedTimes[i][1]) {
			found = append(found, fmt.Sprintf("LastModified is %q, recorded %q", times[i][1], recordedTimes[i][1]))
		}
	}
	for _, element := range []*regexp.Regexp{requestIDElement, timeElement} {
		have, want = element.ReplaceAllString(have, "*"), element.ReplaceAllString(want, "*")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(have, "\n")); diff != "" {
		found = append(found, "body (-recorded +got):\n"+diff)
	}
	return found
}

// near reports whether two times are of the same form and at most two seconds apart: a reply is
// dated when it is sent, what it tells of a moment earlier.
func near(layout, have, want string) bool {
	a, err1 := time.Parse(layout, have)
	b, err2 := time.Parse(layout, want)
	return err1 == nil && err2 == nil && len(have) == len(want) && a.Sub(b).Abs() <= 2*time.Second
}

func TestFakeRepliesAsRecorded(t *testing.T) {
	recordings := loadRecordings(t)
	if len(recordings) != 60 {
		t.Fatalf("%d recordings, want 60", len(recordings))
	}
	series := make(map[string][]*recording)
	for _, r := range recordings {
		series[r.series] = append(series[r.series], r)
	}
	for name, recordings := range series {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newReplay(t)
			for _, r := range recordings {
				got := p.run(t, r)
				for _, difference := range p.compare(r, got) {
					t.Errorf("%s: %s", r.file, difference)
				}
			}
		})
	}
}

func TestReplayNoticesEveryDifference(t *testing.T) {
	r := &recording{status: 200, header: http.Header{"Etag": {`"1"`}, "Date": {"Wed, 17 Jun 2026 20:30:00 GMT"},
		"X-Oss-Request-Id": {"6A330409598BE13230433CE7"},
		"X-Oss-Version-Id": {"CAEQigEYgYDAi9.WsvIZIiA0ZThjZWYwYTY3ZWM0NjIwODFmZmM3ZjliMmNiZGU5Yg--"}},
		reply: []byte("<A>\n  <RequestId>1</RequestId>\n  <LastModified>2026-06-17T20:30:00.000Z</LastModified>\n  " +
			"<UploadId>recorded</UploadId>\n</A>\n")}
	p := &replay{ids: map[string]string{"recorded": "given"}}
	tests := []struct {
		name   string
		change func(*reply)
		want   string // empty means that nothing is noticed
	}{
		{"nothing", func(*reply) {}, ""},
		{"status", func(got *reply) { got.status = 204 }, "status is 204, recorded 200"},
		{"value", func(got *reply) { got.header.Set("ETag", `"2"`) }, `Etag is "\"2\"", recorded "\"1\""`},
		{"missing header", func(got *reply) { got.header.Del("ETag") }, "Etag is missing"},
		{"another header", func(got *reply) { got.header.Set("Vary", "*") }, "Vary was not recorded"},
		{"length", func(got *reply) { got.header.Set("Content-Length", "5") }, ""},
		{"another ID", func(got *reply) { got.header.Set("x-oss-request-id", "0123456789ABCDEF01234567") }, ""},
		{"form of an ID", func(got *reply) { got.header.Set("x-oss-request-id", "0123") }, "X-Oss-Request-Id is"},
		{"another version", func(got *reply) {
			got.header.Set("x-oss-version-id", "CAEQigEYgYCAzZyrovEZIiAzZGIwMDM5NGE1ZGQ0N2VhODJmODc3OTI5MzExZTU4Ng--")
		}, ""},
		{"form of a version", func(got *reply) { got.header.Set("x-oss-version-id", "null") }, "X-Oss-Version-Id is"},
		{"time", func(got *reply) { got.header.Set("Date", "Wed, 17 Jun 2026 20:31:00 GMT") }, "Date is"},
		{"time in the body", func(got *reply) {
			got.body = []byte(strings.Replace(string(got.body), "30:00", "40:00", 1))
		}, "LastModified is"},
		{"white space", func(got *reply) { got.body = []byte(strings.Replace(string(got.body), "  <Up", "<Up", 1)) },
			"body"},
		{"upload ID", func(got *reply) { got.body = []byte(strings.Replace(string(got.body), "given", "other", 1)) },
			"body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := &reply{status: 200, header: r.header.Clone(),
				body: []byte(strings.Replace(string(r.reply), "recorded", "given", 1))}
			tt.change(got)
			found := strings.Join(p.compare(r, got), "\n")
			if (tt.want == "") != (found == "") || !strings.Contains(found, tt.want) {
				t.Errorf("compare = %q, want %q in it", found, tt.want)
			}
		})
	}
}
