package ossxml

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode states that no input makes Decode panic, that what it accepts can be written, and that
// what was written is read back as the same.
func FuzzDecode(f *testing.F) {
	for root := range documents {
		f.Add([]byte("<" + root + "><Key>a&amp;b</Key><Part><PartNumber>1</PartNumber></Part></" + root + ">"))
	}
	f.Add([]byte(xml.Header + "<Error><Code>A</Code><Bucket>b</Bucket><EC>1</EC></Error>"))
	f.Add([]byte("<ListPartsResult><Part><LastModified>2026-06-17T20:30:36.000Z</LastModified></Part>" +
		"</ListPartsResult>"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for root, empty := range documents {
			if root == "Error" {
				continue // its extra elements may have attributes and children, which are dropped
			}
			doc := empty()
			if Decode(bytes.NewReader(data), doc) != nil {
				continue
			}
			text, err := Marshal(doc)
			if err != nil {
				continue // a year that no time.Time can write
			}
			again := empty()
			if err := Decode(strings.NewReader(text), again); err != nil {
				t.Fatalf("%q was written as %q: %v", data, text, err)
			}
			if second, err := Marshal(again); second != text || err != nil {
				t.Errorf("%q was written as %q and then as %q, %v", data, text, second, err)
			}
		}
		if err := Decode(bytes.NewReader(data), new(Error)); err == nil && !bytes.Contains(data, []byte("Error")) {
			t.Errorf("%q is taken for an Error", data)
		}
	})
}

// FuzzMarshal states that Decode undoes Marshal, for every text that XML can hold.
func FuzzMarshal(f *testing.F) {
	f.Add("key", "ETag", 1, int64(2), uint64(3), int64(1e9))
	f.Add("a\n\t\r<&>'\"]]>&#34;", "", -1, int64(-1), ^uint64(0), int64(-1e9))
	f.Fuzz(func(t *testing.T, key, etag string, number int, size int64, crc uint64, seconds int64) {
		if !isText(key) || !isText(etag) {
			return // the law is of what XML can hold
		}
		at := Time{time.Unix(seconds%(1<<37), 0).UTC()}
		if at.Year() < 0 || at.Year() > 9999 {
			return // and of what the time format can
		}
		for _, pair := range []struct{ want, got any }{
			{&PartList{Key: key, MaxParts: number, IsTruncated: number > 0, Parts: []Part{
				{Number: number, ETag: etag, Size: size, CRC64: crc, LastModified: at},
				{Number: number + 1, LastModified: at},
			}}, new(PartList)},
			{&UploadList{Prefix: etag, Uploads: []Upload{{Key: key, UploadID: etag, Initiated: at}},
				CommonPrefixes: []CommonPrefix{{Prefix: key}}}, new(UploadList)},
			{&Error{Code: key, Message: etag, Extra: []Field{{XMLName: xml.Name{Local: "StringToSign"}, Value: key}},
				EC: etag}, new(Error)},
			{&Complete{Parts: []CompletePart{{Number: number, ETag: etag}}}, new(Complete)},
		} {
			text, err := Marshal(pair.want)
			if err != nil {
				t.Fatal(err)
			}
			if err := Decode(strings.NewReader(text), pair.got); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if diff := cmp.Diff(pair.want, pair.got, ignoreRoot); diff != "" {
				t.Errorf("%q (-want +got):\n%s", text, diff)
			}
		}
	})
}

// ignoreRoot leaves out the name of the root, which only Decode fills in.
var ignoreRoot = cmp.FilterPath(func(p cmp.Path) bool { return len(p) == 3 && p.Last().String() == ".XMLName" },
	cmp.Ignore())

// isText reports whether XML 1.0 can hold s.
func isText(s string) bool {
	var b bytes.Buffer
	return xml.EscapeText(&b, []byte(s)) == nil && !bytes.ContainsRune(b.Bytes(), '\uFFFD')
}

// FuzzCompleteText: the two ways to write the document write the same.
func FuzzCompleteText(f *testing.F) {
	f.Add(1, "\"0123456789ABCDEF\"", 10000, "")
	f.Add(-1, "<&>'\"&#34;", 0, "\n\r\t\x00\xff\ufffe")
	f.Fuzz(func(t *testing.T, n1 int, etag1 string, n2 int, etag2 string) {
		for _, doc := range []Complete{{Parts: []CompletePart{{n1, etag1}}},
			{Parts: []CompletePart{{n1, etag1}, {n2, etag2}}}} {
			want, err := Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Text(); got != want {
				t.Errorf("Text of %+v is\n%s\nwant\n%s", doc, got, want)
			}
		}
	})
}
