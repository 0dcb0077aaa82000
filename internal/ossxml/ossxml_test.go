package ossxml

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// documents makes an empty document for the name of a root element.
var documents = map[string]func() any{
	"InitiateMultipartUploadResult": func() any { return new(Initiated) },
	"CompleteMultipartUpload":       func() any { return new(Complete) },
	"CompleteMultipartUploadResult": func() any { return new(Completed) },
	"CopyPartResult":                func() any { return new(CopiedPart) },
	"CopyObjectResult":              func() any { return new(CopiedObject) },
	"ListPartsResult":               func() any { return new(PartList) },
	"ListMultipartUploadsResult":    func() any { return new(UploadList) },
	"ListAllMyBucketsResult":        func() any { return new(BucketList) },
	"BucketInfo":                    func() any { return new(BucketInfo) },
	"BucketStat":                    func() any { return new(BucketStat) },
	"LocationConstraint":            func() any { return new(BucketLocation) },
	"CreateBucketConfiguration":     func() any { return new(BucketConfiguration) },
	"AccessControlPolicy":           func() any { return new(AccessControl) },
	"ListBucketResult":              func() any { return new(ObjectListV2) },
	"Delete":                        func() any { return new(Delete) },
	"DeleteResult":                  func() any { return new(Deleted) },
	"Tagging":                       func() any { return new(Tagging) },
	"CORSConfiguration":             func() any { return new(CORSConfiguration) },
	"ServerSideEncryptionRule":      func() any { return new(EncryptionRule) },
	"LifecycleConfiguration":        func() any { return new(LifecycleConfiguration) },
	"RestoreRequest":                func() any { return new(RestoreRequest) },
	"PostResponse":                  func() any { return new(Posted) },
	"Error":                         func() any { return new(Error) },
}

func TestRecordedDocumentsSurviveByteForByte(t *testing.T) {
	files, err := filepath.Glob("../conformance/testdata/recorded/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var exchange struct {
			Response struct{ Body string }
		}
		if err := json.Unmarshal(b, &exchange); err != nil {
			t.Fatal(err)
		}
		want, isXML := strings.CutPrefix(exchange.Response.Body, xml.Header)
		if !isXML {
			continue
		}
		root := want[1:strings.IndexByte(want, '>')]
		doc := documents[root]()
		if err := Decode(strings.NewReader(xml.Header+want), doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got, err := Marshal(doc)
		if diff := cmp.Diff(xml.Header+want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", file, err, diff)
		}
		seen[root]++
	}
	for _, root := range []string{"Error", "ListPartsResult", "InitiateMultipartUploadResult",
		"CompleteMultipartUploadResult"} {
		if seen[root] == 0 {
			t.Errorf("no recorded %s", root)
		}
	}
}

func TestNamespacesAreIgnored(t *testing.T) {
	const doc = `<?xml version="1.0" encoding="UTF-8"?>
<ListPartsResult xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"><MaxParts>5</MaxParts>` +
		`<Part><PartNumber>1</PartNumber></Part></ListPartsResult>`
	var got PartList
	if err := Decode(strings.NewReader(doc), &got); err != nil || got.MaxParts != 5 || len(got.Parts) != 1 ||
		got.Parts[0].Number != 1 {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestEmptyElementsAreZero(t *testing.T) {
	const doc = `<ListMultipartUploadsResult><NextKeyMarker/><IsTruncated>false</IsTruncated><Upload><Initiated>` +
		`</Initiated></Upload></ListMultipartUploadsResult>`
	var got UploadList
	if err := Decode(strings.NewReader(doc), &got); err != nil || len(got.Uploads) != 1 ||
		!got.Uploads[0].Initiated.IsZero() {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestDecodeRefusesWhatIsNotOneWholeDocument(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		ok        bool
	}{
		{"whole", "<Error><Code>A</Code></Error>", true},
		{"with space around", "\n <Error/> \n", true},
		{"with a comment behind", "<Error/><!-- bye -->", true},
		{"nothing", "", false},
		{"space", "  \n", false},
		{"declaration only", xml.Header, false},
		{"cut in an element", "<Error><Code>A</Co", false},
		{"cut before its end", "<Error><Code>A</Code>", false},
		{"another root", "<html></html>", false},
		{"text", "not XML at all", false},
		{"two documents", "<Error/><Error/>", false},
		{"text behind", "<Error/>x", false},
		{"end behind", "<Error/></Error>", false},
		{"elements crossed", "<Error><Code></Error></Code>", false},
		{"unknown entity", "<Error><Code>&nbsp;</Code></Error>", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := Decode(strings.NewReader(tt.doc), new(Error)); (err == nil) != tt.ok {
				t.Errorf("Decode: %v, want success: %v", err, tt.ok)
			}
		})
	}
}

func TestNumbersThatAreNoneAreErrors(t *testing.T) {
	for _, doc := range []string{
		"<ListPartsResult><Part><Size>x</Size></Part></ListPartsResult>",
		"<ListPartsResult><Part><HashCrc64ecma>-1</HashCrc64ecma></Part></ListPartsResult>",
		"<ListPartsResult><IsTruncated>perhaps</IsTruncated></ListPartsResult>",
		"<ListPartsResult><Part><LastModified>yesterday</LastModified></Part></ListPartsResult>",
	} {
		if err := Decode(strings.NewReader(doc), new(PartList)); err == nil {
			t.Errorf("Decode accepts %s", doc)
		}
	}
}

func TestExtraElementsAreFoundByName(t *testing.T) {
	const doc = "<Error><Code>A</Code><StringToSign>one\ntwo</StringToSign><Bucket>b</Bucket><EC>1</EC></Error>"
	var e Error
	if err := Decode(strings.NewReader(doc), &e); err != nil {
		t.Fatal(err)
	}
	if got := []string{e.Get("StringToSign"), e.Get("Bucket"), e.Get("None"), e.EC}; fmt.Sprintf("%q",
		got) != `["one\ntwo" "b" "" "1"]` {
		t.Errorf("Get = %q", got)
	}
}

func TestTimesAreWrittenAsOSSDoes(t *testing.T) {
	at := time.Date(2026, 6, 17, 22, 30, 36, 987654321, time.FixedZone("", 2*3600))
	got, err := Time{at}.MarshalText()
	if want := "2026-06-17T20:30:36.000Z"; string(got) != want || err != nil {
		t.Errorf("MarshalText = %s, %v, want %s", got, err, want)
	}
	var back Time
	if err := back.UnmarshalText(got); err != nil || !back.Equal(at.Truncate(time.Second)) {
		t.Errorf("UnmarshalText = %v, %v", back, err)
	}
}

func TestMarshalKeepsQuotes(t *testing.T) {
	got, err := Marshal(Complete{Parts: []CompletePart{{Number: 1, ETag: `"A'<&#34;"`}}})
	want := xml.Header + `<CompleteMultipartUpload>
  <Part>
    <PartNumber>1</PartNumber>
    <ETag>"A'&lt;&amp;#34;"</ETag>
  </Part>
</CompleteMultipartUpload>
`
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Marshal: %v (-want +got):\n%s", err, diff)
	}
}

func TestEscapeIsUndone(t *testing.T) {
	for _, tt := range []struct{ in, want string }{{"a b/c+%", "a%20b%2Fc%2B%25"}, {"\n\U0001F600", "%0A%F0%9F%98%80"},
		{"", ""}} {
		if got := Escape("url", tt.in); got != tt.want {
			t.Errorf("Escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got, err := Unescape("url", tt.want); got != tt.in || err != nil {
			t.Errorf("Unescape(%q) = %q, %v, want %q", tt.want, got, err, tt.in)
		}
		if got := Escape("", tt.in); got != tt.in {
			t.Errorf("Escape(%q) without an encoding = %q", tt.in, got)
		}
	}
	if got, err := Unescape("url", "a+b"); got != "a b" || err != nil {
		t.Errorf("Unescape(a+b) = %q, %v", got, err)
	}
	if _, err := Unescape("url", "%zz"); err == nil {
		t.Error("Unescape accepts %zz")
	}
}
