package ossxml

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// An endless repeats a text behind a beginning, for more bytes than any limit.
func endless(begin, again string) io.Reader {
	return io.MultiReader(strings.NewReader(begin), io.LimitReader(&repeated{text: again}, 64<<20))
}

type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(p), nil
}

// TestDocumentsWithoutEndAreRefusedInLittleMemory is bug 7: 64 MiB of a document took 512 MiB.
func TestDocumentsWithoutEndAreRefusedInLittleMemory(t *testing.T) {
	const limit = 32 << 20
	for _, tt := range []struct {
		name, begin, again string
		doc                any
	}{
		{"text", "<ListPartsResult><Bucket>", "x", new(PartList)},
		{"text in CDATA", "<ListPartsResult><Bucket><![CDATA[", "x<", new(PartList)},
		{"text after the root", "<ListPartsResult/>", " ", new(PartList)},
		{"empty entries", "<ListPartsResult>", "<Part/>", new(PartList)},
		{"empty uploads", "<ListMultipartUploadsResult>", "<Upload/>", new(UploadList)},
		{"prefixes", "<ListMultipartUploadsResult>", "<CommonPrefixes/>", new(UploadList)},
		{"unknown elements", "<ListPartsResult>", "<a/>", new(PartList)},
		{"fields of an error", "<Error>", "<a/>", new(Error)},
		{"text of many pieces", "<Error><Message>", "x<!-- -->", new(Error)},
		{"attributes", "<ListPartsResult ", "a='' ", new(PartList)},
		{"an attribute", "<ListPartsResult a='", "x", new(PartList)},
		{"a comment", "<!--", "<", new(PartList)},
		{"comments", "", "<!-- -->", new(PartList)},
		{"a declaration", "<!DOCTYPE ", "<a>", new(PartList)},
		{"an instruction", "<?a ", "x<", new(PartList)},
		{"a name", "<", "x", new(PartList)},
		{"nesting", "", "<ListPartsResult>", new(PartList)},
		{"nesting of unknown elements", "<ListPartsResult>", "<a>", new(PartList)},
		{"references", "<ListPartsResult><Bucket>", "&lt;", new(PartList)},
		{"keys", "<ListMultipartUploadsResult>", "<Upload><Key>" + strings.Repeat("k", 1000) + "</Key></Upload>",
			new(UploadList)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := Decode(endless(tt.begin, tt.again), tt.doc)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("Decode accepts a document without end")
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > limit {
				t.Errorf("Decode allocated %d bytes, more than %d: %v", n, limit, err)
			} else {
				t.Logf("%d KiB: %v", n>>10, err)
			}
		})
	}
}

// TestLargestDocumentsOfOSSAreRead states that no limit is below what OSS sends and takes.
func TestLargestDocumentsOfOSSAreRead(t *testing.T) {
	uploads := UploadList{EncodingType: "url", IsTruncated: true}
	for range 1000 {
		uploads.Uploads = append(uploads.Uploads, Upload{Key: strings.Repeat("%E4", 1023),
			UploadID: strings.Repeat("F", 32), StorageClass: "Standard"})
	}
	var complete Complete
	for i := range 10000 {
		complete.Parts = append(complete.Parts, CompletePart{Number: i + 1, ETag: `"0123456789ABCDEF0123456789ABCDEF"`})
	}
	text, err := Marshal(uploads)
	if err != nil {
		t.Fatal(err)
	}
	var list UploadList
	if err := Decode(strings.NewReader(text), &list); err != nil || len(list.Uploads) != 1000 {
		t.Errorf("Decode of %d bytes: %v with %d uploads", len(text), err, len(list.Uploads))
	}
	var doc Complete
	if err := Decode(strings.NewReader(complete.Text()), &doc); err != nil || len(doc.Parts) != 10000 {
		t.Errorf("Decode: %v with %d parts", err, len(doc.Parts))
	}
}
