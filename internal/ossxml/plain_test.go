package ossxml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plainDocuments returns an empty document of each kind that has a decoder of its own.
func plainDocuments() []func() plainDocument {
	return []func() plainDocument{
		func() plainDocument { return new(ObjectListV2) },
		func() plainDocument { return new(VersionList) },
		func() plainDocument { return new(UploadList) },
		func() plainDocument { return new(PartList) },
	}
}

const plainContents = `<Contents><Key>a%2Fb</Key><LastModified>2026-05-21T03:17:54.000Z</LastModified>` +
	`<ETag>"D7"</ETag>` +
	"<Type>Normal</Type><Size>29</Size><StorageClass>Standard</StorageClass></Contents>"

// plainSeeds are documents that both decoders know, or that only encoding/xml reads.
var plainSeeds = []struct {
	name, text string
	plain      bool
}{
	{"page", "<ListBucketResult><EncodingType>url</EncodingType><Name>b</Name><Prefix></Prefix>" +
		"<StartAfter>s</StartAfter><MaxKeys>2</MaxKeys>" +
		"<Delimiter>%2F</Delimiter><IsTruncated>true</IsTruncated>" +
		"<NextContinuationToken>n</NextContinuationToken>" + plainContents +
		"<CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes><KeyCount>2</KeyCount></ListBucketResult>\n", true},
	{"declaration, indentation and an unknown element",
		xml.Header + "<ListBucketResult>\n  <Name>b</Name>\n  <New>\n    <A><B>1</B></A><C/>\n  </New>\n" +
			"  <Contents>\n    <Key>k</Key>\n    <Owner>\n      <ID>1</ID>\n    </Owner>\n  </Contents>\n" +
			"</ListBucketResult>\n", true},
	{"entities",
		"<ListBucketResult><Contents><Key>&lt;&amp;&gt;&#34;</Key><ETag>&quot;D7&quot;</ETag></Contents>" +
			"</ListBucketResult>", true},
	{"other letters", "<ListBucketResult><Name>\u4e2d\U0001F600</Name></ListBucketResult>", true},
	{"nothing", "<ListBucketResult/>", true},
	{"an element twice",
		"<ListBucketResult><Name>a</Name><Name>b</Name><IsTruncated>true</IsTruncated>" +
			"<IsTruncated>false</IsTruncated></ListBucketResult>", true},
	{"versions",
		"<ListVersionsResult><Version><Key>k</Key><VersionId>v</VersionId>" +
			"<IsLatest>true</IsLatest><Size>1</Size></Version>" +
			"<DeleteMarker><Key>l</Key><VersionId>w</VersionId><Owner><ID>1</ID></Owner></DeleteMarker>" +
			"</ListVersionsResult>", true},
	{"uploads",
		"<ListMultipartUploadsResult><Bucket>b</Bucket><NextKeyMarker>k</NextKeyMarker>" +
			"<NextUploadIdMarker>i</NextUploadIdMarker><MaxUploads>1</MaxUploads><Upload>" +
			"<Key>k</Key><UploadId>i</UploadId>" +
			"<StorageClass>IA</StorageClass><Initiated>2026-05-21T03:17:54.000Z</Initiated></Upload>" +
			"</ListMultipartUploadsResult>", true},
	{"parts",
		"<ListPartsResult><Key>k</Key><PartNumberMarker></PartNumberMarker>" +
			"<ClientEncryptionKey>c</ClientEncryptionKey>" +
			"<ClientEncryptionDataSize>7</ClientEncryptionDataSize><Part><PartNumber>1</PartNumber><ETag>e</ETag>" +
			"<HashCrc64ecma>18446744073709551615</HashCrc64ecma><Size>7</Size></Part></ListPartsResult>", true},
	{"a CRC-64 that is empty",
		"<ListPartsResult><Part><HashCrc64ecma></HashCrc64ecma></Part></ListPartsResult>", false},
	{"attribute", `<ListBucketResult xmlns="http://example.com/"><Name>b</Name></ListBucketResult>`, false},
	{"comment", "<ListBucketResult><!-- c --><Name>b</Name></ListBucketResult>", false},
	{"CDATA", "<ListBucketResult><Name><![CDATA[b]]></Name></ListBucketResult>", false},
	{"text around an element", "<ListBucketResult>text<Name>b</Name></ListBucketResult>", false},
	{"element inside text", "<ListBucketResult><Name>a<B/>b</Name></ListBucketResult>", false},
	{"carriage return", "<ListBucketResult><Name>a\r\nb</Name></ListBucketResult>", false},
	{"reference", "<ListBucketResult><Name>&#x4e2d;</Name></ListBucketResult>", false},
	{"blank around a number", "<ListBucketResult><MaxKeys> 1 </MaxKeys></ListBucketResult>", false},
	{"an element that is no version", "<ListVersionsResult><Other><Key>k</Key></Other></ListVersionsResult>", false},
}

func TestPlainDocumentsAreReadWithoutEncodingXML(t *testing.T) {
	for _, tt := range plainSeeds {
		t.Run(tt.name, func(t *testing.T) {
			plain := false
			for _, empty := range plainDocuments() {
				plain = plain || empty().readPlain([]byte(tt.text))
			}
			if plain != tt.plain {
				t.Errorf("%s is plain: %t, want %t", tt.text, plain, tt.plain)
			}
			read := false
			for _, empty := range plainDocuments() {
				read = read || Decode(strings.NewReader(tt.text), empty()) == nil
			}
			if !read {
				t.Errorf("%s is read by no decoder", tt.text)
			}
		})
	}
}

func TestBrokenDocumentsAreRefusedByBothDecoders(t *testing.T) {
	for _, text := range []string{
		"", "<ListBucketResult>", "<ListBucketResult></ListBucket>", "<ListBucketResult><Name>b</ListBucketResult>",
		"<ListBucketResult/><ListBucketResult/>", "<ListBucketResult/>text", "<html></html>", "<ListBucketResult><Size",
		"<ListBucketResult><MaxKeys>x</MaxKeys></ListBucketResult>",
		"<ListBucketResult><Name>\xff</Name></ListBucketResult>",
		"<ListBucketResult><Name>&none;</Name></ListBucketResult>",
		"<ListBucketResult><Name>a]]>b</Name></ListBucketResult>",
		"<ListBucketResult><Contents><LastModified>x</LastModified></Contents></ListBucketResult>",
	} {
		var doc ObjectListV2
		if doc.readPlain([]byte(text)) {
			t.Errorf("%q is read as plain", text)
		}
		if err := Decode(strings.NewReader(text), &doc); err == nil {
			t.Errorf("%q is decoded as %+v", text, doc)
		}
	}
}

// FuzzPlainDocument states that what a decoder of ours reads, encoding/xml reads too, with the same values.
func FuzzPlainDocument(f *testing.F) {
	for _, seed := range plainSeeds {
		f.Add([]byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, empty := range plainDocuments() {
			got, want := empty(), empty()
			if !got.readPlain(data) {
				continue
			}
			if err := decode(xml.NewDecoder(bytes.NewReader(data)), want); err != nil {
				t.Fatalf("%q is plain; encoding/xml: %v", data, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-encoding/xml +ours):\n%s", data, diff)
			}
		}
	})
}

// A page of ListObjects has a thousand keys. The baseline is encoding/xml.
func BenchmarkDecodeObjectList(b *testing.B) {
	const n = 1000
	list := ObjectListV2{EncodingType: "url", Name: "bucket", MaxKeys: n, IsTruncated: true,
		NextContinuationToken: "CgJiYw--", KeyCount: n}
	for i := range n {
		list.Contents = append(list.Contents, Object{
			Key: fmt.Sprintf("photos%%2F2026%%2F%08d.jpg", i), LastModified: Time{time.Unix(1781728236, 0)},
			ETag: fmt.Sprintf(`"%032X"`, i), Type: "Normal", Size: int64(i), StorageClass: "Standard",
		})
	}
	text, err := Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name   string
		decode func(*ObjectListV2) error
	}{
		{"plain", func(doc *ObjectListV2) error { return Decode(strings.NewReader(text), doc) }},
		{"encodingxml", func(doc *ObjectListV2) error { return decode(xml.NewDecoder(strings.NewReader(text)), doc) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var doc ObjectListV2
				if err := bb.decode(&doc); err != nil || len(doc.Contents) != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}
