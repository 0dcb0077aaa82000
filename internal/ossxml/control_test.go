package ossxml

import (
	"strings"
	"testing"
)

// SDKs write control characters of keys as references or as they are; encoding/xml reads neither (H3).
func TestDecodeControlReadsWhatXMLForbids(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a&#x0B;b", "a\vb"},
		{"a&#11;b&#01;", "a\vb\x01"},
		{"a\x0cb\x1c\x1a", "a\fb\x1c\x1a"},
		{"&#xFFFE;\uffff&#0;", "\ufffe\uffff\x00"},
		{"&#10;&#xD;&#9;&lt;&amp;#1;", "\n\r\t<&#1;"},
		{"<![CDATA[&#11;\x0b<]]>&#11;", "&#11;\v<\v"},
		{"\U0010fffd&#x10FFFD;\U0010fffd\ue001", "\U0010fffd\U0010fffd\U0010fffd\ue001"},
		{"plain \u4e16", "plain \u4e16"},
	} {
		var doc Delete
		err := DecodeControl([]byte("<Delete><Object><Key>"+tt.text+"</Key></Object></Delete>"), &doc)
		if err != nil || len(doc.Objects) != 1 || doc.Objects[0].Key != tt.want {
			t.Errorf("DecodeControl of %q = %q, %v, want %q", tt.text, doc.Objects, err, tt.want)
		}
	}
	for _, bad := range []string{
		"", "<Delete>", "<Delete/>x", "<Delete/><Delete/>", "<Delete><Key>\xff</Key></Delete>",
		"<Delete><Key>&nbsp;</Key></Delete>", "<Delete><Key>&#;</Key></Delete>", "<Delete></Object></Delete>",
	} {
		if err := DecodeControl([]byte(bad), new(Delete)); err == nil {
			t.Errorf("DecodeControl accepts %q", bad)
		}
	}
}

// encoding/xml writes U+FFFD for a control character, so that two keys become one (BR51, H18).
func TestMarshalWritesControlCharactersAsReferences(t *testing.T) {
	doc := ObjectList{Prefix: "\x1c<", Contents: []Object{
		{Key: "X\x01Y", Owner: &Owner{ID: "\x02"}}, {Key: "X\uFFFEY\uFFFD\U0010FFFD"},
	}}
	got, err := Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<Prefix>&#28;&lt;</Prefix>", "<Key>X&#1;Y</Key>", "<ID>&#2;</ID>", "<Key>X&#65534;Y\uFFFD\U0010FFFD</Key>",
		"<LastModified>0001-",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("Marshal writes no %s:\n%s", want, got)
		}
	}
	if doc.Contents[0].Key != "X\x01Y" || doc.Contents[0].Owner.ID != "\x02" {
		t.Error("Marshal changes its argument")
	}
}

func FuzzControlCharactersSurvive(f *testing.F) {
	f.Add("a\x0b\x1c")
	f.Add("\U0010fffd\ue000\ufffe\uffff\x00")
	f.Fuzz(func(t *testing.T, key string) {
		text, err := Marshal(Delete{Objects: []DeleteObject{{Key: key}}})
		if err != nil {
			t.Fatal(err)
		}
		var doc Delete
		if err := DecodeControl([]byte(text), &doc); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if want := string([]rune(key)); doc.Objects[0].Key != want { // a byte that is no UTF-8 is U+FFFD
			t.Errorf("%q comes back as %q, want %q", key, doc.Objects[0].Key, want)
		}
	})
}
