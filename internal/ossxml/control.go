package ossxml

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// XML 1.0 has no way to write most control characters, and encoding/xml keeps to that: it refuses them when it
// reads, and writes U+FFFD in their place. OSS takes them in keys, and the service and its SDKs write them as
// references such as &#28; or as they are. So they travel through encoding/xml in disguise: an escape character
// with another one behind it, both legal. The escape character itself is doubled.

const (
	disguise     = '\U0010FFFD'
	disguiseBase = '\uE000' // plus the control character
)

// isForbidden reports whether XML 1.0 forbids a character that is not a surrogate.
func isForbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF'
}

// appendDisguised appends r as encoding/xml accepts it.
func appendDisguised(b []byte, r rune) []byte {
	switch {
	case r == disguise:
		return utf8.AppendRune(utf8.AppendRune(b, disguise), disguise)
	case isForbidden(r):
		// U+FFFE and U+FFFF become the two characters behind those of the control characters.
		return utf8.AppendRune(utf8.AppendRune(b, disguise), disguiseBase+r&0x1F|r&0x8000>>10)
	}
	return utf8.AppendRune(b, r)
}

// revealed is the character behind an escape character, or false if it is none that appendDisguised writes.
func revealed(r rune) (rune, bool) {
	switch {
	case r == disguise:
		return disguise, true
	case r&^0x3F != disguiseBase:
		return 0, false
	case r&0x20 != 0:
		return 0xFFE0 | r&0x1F, true
	}
	return r & 0x1F, true
}

// reveal undoes appendDisguised in the text of a document. Each character that was in disguise is written by write.
func reveal(text []byte, write func(b []byte, r rune) []byte) []byte {
	escape := []byte(string(disguise))
	before, rest, found := bytes.Cut(text, escape)
	b := bytes.Clone(before)
	for found {
		r, size := utf8.DecodeRune(rest)
		if hidden, ok := revealed(r); ok {
			b = write(b, hidden)
			rest = rest[size:]
		}
		before, rest, found = bytes.Cut(rest, escape)
		b = append(b, before...)
	}
	return b
}

// DecodeControl is Decode for documents that may hold control characters, as references or as they are.
func DecodeControl(document []byte, v any) error {
	plain := xml.NewDecoder(bytes.NewReader(disguiseDocument(document)))
	return decode(xml.NewTokenDecoder(revealer{plain}), v)
}

// A revealer reads tokens in which nothing is in disguise any more.
type revealer struct{ *xml.Decoder }

func (r revealer) Token() (xml.Token, error) {
	token, err := r.Decoder.Token()
	if text, ok := token.(xml.CharData); ok {
		token = xml.CharData(reveal(text, utf8.AppendRune))
	}
	return token, err
}

// disguiseDocument disguises the characters that XML forbids, and the references to them outside CDATA.
func disguiseDocument(document []byte) []byte {
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
			b, document = appendDisguised(b, r), document[size:]
			continue
		}
		r, size := utf8.DecodeRune(document)
		if r == utf8.RuneError && size == 1 {
			b = append(b, document[0]) // no UTF-8: encoding/xml says so
		} else {
			b = appendDisguised(b, r)
		}
		document = document[size:]
	}
	return b
}

// longestReference is longer than any such reference, some leading zeros included.
const longestReference = 16

// readReference reads a reference to a character that is to be disguised. Size is 0 if there is none at the start of b.
func readReference(b []byte) (r rune, size int) {
	digits, ok := bytes.CutPrefix(b, []byte("&#"))
	if !ok {
		return 0, 0
	}
	end := bytes.IndexByte(digits[:min(len(digits), longestReference)], ';')
	if end < 0 {
		return 0, 0
	}
	text, base := string(digits[:end]), 10
	if hex, ok := strings.CutPrefix(text, "x"); ok {
		text, base = hex, 16
	}
	n, err := strconv.ParseUint(text, base, 32)
	if err != nil || n > utf8.MaxRune || !isForbidden(rune(n)) && rune(n) != disguise {
		return 0, 0
	}
	return rune(n), len("&#;") + end
}

// marshalControl is Marshal for a v with control characters in it.
func marshalControl(v any) (string, error) {
	text, err := marshal(disguised(reflect.ValueOf(v)).Interface())
	return referTo(text), err
}

// disguiseText disguises the characters that XML forbids.
func disguiseText(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return isForbidden(r) || r == disguise }) {
		return s
	}
	var b []byte
	for _, r := range s {
		b = appendDisguised(b, r)
	}
	return string(b)
}

// referTo writes references to the characters that are in disguise.
func referTo(text string) string {
	if !strings.ContainsRune(text, disguise) {
		return text
	}
	return string(reveal([]byte(text), func(b []byte, r rune) []byte {
		if r == disguise {
			return utf8.AppendRune(b, r)
		}
		b = append(b, "&#"...)
		b = strconv.AppendInt(b, int64(r), 10)
		return append(b, ';')
	}))
}

// disguised returns a copy of v in which every string is fit for encoding/xml. Times and the names of elements stay.
func disguised(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(disguiseText(v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(disguised(v.Elem()))
		return c
	case reflect.Slice:
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(disguised(v.Index(i)))
		}
		return c
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Time]() || v.Type() == reflect.TypeFor[xml.Name]() {
			return v
		}
		c := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			c.Field(i).Set(disguised(v.Field(i)))
		}
		return c
	}
	return v
}
