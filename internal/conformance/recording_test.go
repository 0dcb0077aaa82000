package conformance_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A recording is one exchange with the service, as testdata/recorded/README.md tells.
type recording struct {
	file   string // "testmultipartupload_badetag-post-2"
	series string // "testmultipartupload_badetag"
	order  int    // within the series, counting down

	method, host, key string
	query             map[string]string
	copySource        string
	body              []byte // of the request; nil if it was not kept

	status int
	header http.Header
	reply  []byte
}

// when is the moment the service gave its reply.
func (r *recording) when(t *testing.T) time.Time {
	t.Helper()
	at, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		t.Fatalf("%s: %v", r.file, err)
	}
	return at
}

// bucket is the one that the host names.
func (r *recording) bucket() string {
	bucket, _, _ := strings.Cut(r.host, ".")
	return bucket
}

// loadRecordings reads all recordings: series by name, and in each the first exchange first.
func loadRecordings(t *testing.T) []*recording {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*recording
	for _, file := range files {
		all = append(all, loadRecording(t, file))
	}
	slices.SortFunc(all, func(a, b *recording) int {
		if c := strings.Compare(a.series, b.series); c != 0 {
			return c
		}
		return b.order - a.order
	})
	return all
}

// fileForm splits the name of a recording's file.
var fileForm = regexp.MustCompile(`^aliblobstoreit_((.*)-[a-z]+-(\d+))\.json$`)

// loadRecording reads one WireMock stub. A field it does not know is an error: it might matter.
func loadRecording(t *testing.T, file string) *recording {
	t.Helper()
	type pattern struct {
		EqualTo       string `json:"equalTo"`
		EqualToXML    string `json:"equalToXml"`
		BinaryEqualTo string `json:"binaryEqualTo"`
	}
	var stub struct {
		ID, Name, UUID                                        string
		Persistent                                            bool
		InsertionIndex                                        int
		ScenarioName, RequiredScenarioState, NewScenarioState string
		Request                                               struct {
			Method, URL, URLPath string
			Headers              map[string]pattern
			QueryParameters      map[string]struct{ HasExactly []pattern }
			BodyPatterns         []pattern
		}
		Response struct {
			Status           int
			Body, Base64Body string
			Headers          map[string]string
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&stub); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	name := fileForm.FindStringSubmatch(filepath.Base(file))
	if name == nil {
		t.Fatalf("%s: name is not that of a recording", file)
	}
	r := &recording{
		file: name[1], series: name[2], method: stub.Request.Method,
		host: stub.Request.Headers["Host"].EqualTo, copySource: stub.Request.Headers["x-oss-copy-source"].EqualTo,
		key:   strings.TrimPrefix(stub.Request.URL+stub.Request.URLPath, "/"),
		query: make(map[string]string), status: stub.Response.Status, header: make(http.Header),
		reply: []byte(stub.Response.Body),
	}
	r.order, _ = strconv.Atoi(name[3])
	for name := range stub.Request.Headers {
		if name != "Host" && name != "X-Query-Param-Count" && name != "x-oss-copy-source" {
			t.Fatalf("%s: unknown header %s", file, name)
		}
	}
	for name, value := range stub.Request.QueryParameters {
		r.query[name] = value.HasExactly[0].EqualTo
	}
	for _, p := range stub.Request.BodyPatterns {
		r.body = []byte(p.EqualToXML)
		if p.BinaryEqualTo != "" {
			r.body = decode64(t, p.BinaryEqualTo)
		}
	}
	if stub.Response.Base64Body != "" {
		r.reply = decode64(t, stub.Response.Base64Body)
	}
	for name, value := range stub.Response.Headers {
		r.header.Set(name, value)
	}
	return r
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
