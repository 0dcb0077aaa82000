package ossxml

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// XML 1.0 forbids most control characters, and encoding/xml enforces that: it refuses them in input, and writes U+FFFD
// in their place. OSS accepts them in keys, and the service and its SDKs write them as references such as &#28;, or as
// they are. They therefore pass through encoding/xml as placeholders: a mark followed by another character, both of
// which are legal. The mark itself is doubled.

const (
	placeholderMark = '\U0010FFFD'
	placeholderBase = '\uE000' // plus the control character
)

// isForbidden reports whether XML 1.0 forbids r. It need not know surrogates, which are not valid UTF-8.
func isForbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF'
}

// appendPlaceholder appends r, or its placeholder if encoding/xml would refuse it.
func appendPlaceholder(b []byte, r rune) []byte {
	switch {
	case r == placeholderMark:
		return utf8.AppendRune(utf8.AppendRune(b, placeholderMark), placeholderMark)
	case isForbidden(r):
		// The placeholders of U+FFFE and U+FFFF follow those of the control characters.
		return utf8.AppendRune(utf8.AppendRune(b, placeholderMark), placeholderBase+r&0x1F|r&0x8000>>10)
	}
	return utf8.AppendRune(b, r)
}

// decodePlaceholder returns the character of a placeholder, given the character after the mark; false if that is none
// which appendPlaceholder writes.
func decodePlaceholder(r rune) (rune, bool) {
	switch {
	case r == placeholderMark:
		return placeholderMark, true
	case r&^0x3F != placeholderBase:
		return 0, false
	case r&0x20 != 0:
		return 0xFFE0 | r&0x1F, true
	}
	return r & 0x1F, true
}

// replacePlaceholders returns text with the characters of its placeholders, which write appends.
func replacePlaceholders(text []byte, write func(b []byte, r rune) []byte) []byte {
	escape := []byte(string(placeholderMark))
	before, rest, found := bytes.Cut(text, escape)
	b := bytes.Clone(before)
	for found {
		r, size := utf8.DecodeRune(rest)
		if hidden, ok := decodePlaceholder(r); ok {
			b = write(b, hidden)
			rest = rest[size:]
		}
		before, rest, found = bytes.Cut(rest, escape)
		b = append(b, before...)
	}
	return b
}

// DecodeControl is Decode for documents with control characters, as references or as they are.
func DecodeControl(document []byte, v any) error {
	plain := xml.NewDecoder(bytes.NewReader(insertInDocument(document)))
	return decode(xml.NewTokenDecoder(placeholderDecoder{plain}), v)
}

// A placeholderDecoder reads tokens and replaces the placeholders in them.
type placeholderDecoder struct{ *xml.Decoder }

func (r placeholderDecoder) Token() (xml.Token, error) {
	token, err := r.Decoder.Token()
	if text, ok := token.(xml.CharData); ok {
		token = xml.CharData(replacePlaceholders(text, utf8.AppendRune))
	}
	return token, err
}

// insertInDocument inserts placeholders for the characters that XML forbids and, outside of CDATA, for references to
// them.
func insertInDocument(document []byte) []byte {
	b := make([]byte, 0, len(document))
	inCDATA := false
	for len(document) > 0 {
		bound := "<![CDATA["
		if inCDATA {
			bound = "]]>"
		}
		if bytes.HasPrefix(document, []byte(bound)) {
			inCDATA = !inCDATA
			b, document = append(b, bound...), document[len(bound):]
			continue
		}
		if r, size := readReference(document); size > 0 && !inCDATA {
			b, document = appendPlaceholder(b, r), document[size:]
			continue
		}
		r, size := utf8.DecodeRune(document)
		if r == utf8.RuneError && size == 1 {
			b = append(b, document[0]) // not UTF-8: encoding/xml returns an error
		} else {
			b = appendPlaceholder(b, r)
		}
		document = document[size:]
	}
	return b
}

// maxReference exceeds the length of every such reference, with some leading zeros.
const maxReference = 16

// readReference reads a reference, at the beginning of b, to a character that needs a placeholder. Size is its length,
// 0 if there is none.
func readReference(b []byte) (r rune, size int) {
	digits, ok := bytes.CutPrefix(b, []byte("&#"))
	if !ok {
		return 0, 0
	}
	end := bytes.IndexByte(digits[:min(len(digits), maxReference)], ';')
	if end < 0 {
		return 0, 0
	}
	text, base := string(digits[:end]), 10
	if hex, ok := strings.CutPrefix(text, "x"); ok {
		text, base = hex, 16
	}
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil || n > utf8.MaxRune || !isForbidden(rune(n)) && rune(n) != placeholderMark {
		return 0, 0
	}
	return rune(n), len("&#;") + end
}

// marshalControl is Marshal for a v with control characters.
func marshalControl(v any) (string, error) {
	text, err := marshal(insertInValue(reflect.ValueOf(v)).Interface())
	return toReferences(text), err
}

// insertInText inserts placeholders for the characters that XML forbids.
func insertInText(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return isForbidden(r) || r == placeholderMark }) {
		return s
	}
	var b []byte
	for _, r := range s {
		b = appendPlaceholder(b, r)
	}
	return string(b)
}

// toReferences replaces placeholders by references such as &#28;.
func toReferences(text string) string {
	if !strings.ContainsRune(text, placeholderMark) {
		return text
	}
	return string(replacePlaceholders([]byte(text), func(b []byte, r rune) []byte {
		if r == placeholderMark {
			return utf8.AppendRune(b, r)
		}
		b = append(b, "&#"...)
		b = strconv.AppendInt(b, int64(r), 10)
		return append(b, ';')
	}))
}

// insertInValue returns a copy of v with placeholders in every string, except in times and names of elements.
func insertInValue(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(insertInText(v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(insertInValue(v.Elem()))
		return c
	case reflect.Slice:
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(insertInValue(v.Index(i)))
		}
		return c
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Time]() || v.Type() == reflect.TypeFor[xml.Name]() {
			return v
		}
		c := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			c.Field(i).Set(insertInValue(v.Field(i)))
		}
		return c
	}
	return v
}
