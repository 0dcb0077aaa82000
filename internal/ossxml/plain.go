package ossxml

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// A plainDocument is a document with a decoder of its own, which is about seven times as fast as encoding/xml. It reads
// the plain form in which OSS writes: no attributes, comments or CDATA sections. Decode leaves any other form to
// encoding/xml.
type plainDocument interface {
	// readPlain reports whether document is plain. Only then does the receiver have its values, which are those that
	// encoding/xml gives it.
	readPlain(document []byte) bool
	reset()
}

// A plainReader reads a plain document from the front.
type plainReader struct {
	rest   []byte
	closed bool // the last start tag was that of an empty element, <Name/>
	bad    bool // the document is not plain; nothing that was read counts
}

// deepest is how many elements within one another are skipped.
const deepest = 8

// readPlain reads a document whose root element is called root. The function reads what is inside it.
func readPlain(document []byte, root string, inside func(p *plainReader)) bool {
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	p := &plainReader{rest: bytes.TrimPrefix(document, []byte(declaration))}
	p.skipSpace()
	if string(p.startTag()) != root {
		return false
	}
	inside(p)
	p.skipSpace()
	return !p.bad && len(p.rest) == 0
}

func (p *plainReader) skipSpace() {
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '\n' || p.rest[i] == '\t') {
		i++
	}
	p.rest = p.rest[i:]
}

// fail ends the reading: the document is not plain.
func (p *plainReader) fail() { p.bad, p.rest, p.closed = true, nil, false }

// startTag reads a start tag and returns the name in it, or nil if there is none.
func (p *plainReader) startTag() []byte {
	if len(p.rest) < 3 || p.rest[0] != '<' {
		p.fail()
		return nil
	}
	end := 1
	for end < len(p.rest) && isNameByte(p.rest[end], end > 1) {
		end++
	}
	name, rest := p.rest[1:end], p.rest[end:]
	switch {
	case len(name) > 0 && bytes.HasPrefix(rest, []byte(">")):
		p.rest = rest[1:]
	case len(name) > 0 && bytes.HasPrefix(rest, []byte("/>")):
		p.rest, p.closed = rest[2:], true
	default:
		p.fail()
		return nil
	}
	return name
}

func isNameByte(c byte, digits bool) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || digits && '0' <= c && c <= '9'
}

// endTag reads the end tag of an element.
func (p *plainReader) endTag(name string) {
	n := len(name)
	if len(p.rest) < n+3 || p.rest[0] != '<' || p.rest[1] != '/' ||
		string(p.rest[2:2+n]) != name || p.rest[2+n] != '>' {
		p.fail()
		return
	}
	p.rest = p.rest[n+3:]
}

// child returns the name of the next element inside parent, whose content is then to be read. It returns nil when it
// has read the end tag of parent.
func (p *plainReader) child(parent string) []byte {
	if p.closed {
		p.closed = false
		return nil
	}
	p.skipSpace()
	if bytes.HasPrefix(p.rest, []byte("</")) {
		p.endTag(parent)
		return nil
	}
	return p.startTag()
}

// skip reads the content of an element that nothing is known of.
func (p *plainReader) skip(name []byte, depth int) {
	if p.closed {
		p.closed = false
		return
	}
	if i := bytes.IndexByte(p.rest, '<'); i >= 0 && bytes.HasPrefix(p.rest[i:], []byte("</")) {
		p.text(name)
		return
	}
	if depth == deepest {
		p.fail()
		return
	}
	for child := p.child(string(name)); child != nil; child = p.child(string(name)) {
		p.skip(child, depth+1)
	}
}

// text reads an element that has text and nothing else. The text is valid until the document changes.
func (p *plainReader) text(name []byte) []byte {
	if p.closed {
		p.closed = false
		return nil
	}
	end := bytes.IndexByte(p.rest, '<')
	if end < 0 {
		p.fail()
		return nil
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	p.endTag(string(name))
	ascii, escaped := true, false
	for _, c := range text {
		switch {
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '&':
			escaped = true
		case c < ' ' && c != '\n' && c != '\t', c == ']': // "]]>" is an error in text
			p.fail()
			return nil
		}
	}
	if !ascii && (!utf8.Valid(text) || bytes.ContainsAny(text, "\uFFFE\uFFFF")) {
		p.fail()
		return nil
	}
	if escaped {
		text = p.unescape(text)
	}
	return text
}

var entities = [...]struct {
	name string
	char byte
}{{"quot;", '"'}, {"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"apos;", '\''}, {"#34;", '"'}, {"#39;", '\''}}

// unescape replaces the entities that OSS writes.
func (p *plainReader) unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for {
		before, after, found := bytes.Cut(text, []byte("&"))
		if out = append(out, before...); !found {
			return out
		}
		known := false
		for _, e := range entities {
			if text, known = bytes.CutPrefix(after, []byte(e.name)); known {
				out = append(out, e.char)
				break
			}
		}
		if !known {
			p.fail()
			return nil
		}
	}
}

// number reads an element that has a number of at most 18 digits.
func (p *plainReader) number(name []byte) int64 {
	text := p.text(name)
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || len(text) > 18 || text[0] == '+' {
		p.fail()
	}
	return n
}

// sum reads an element that has a CRC-64.
func (p *plainReader) sum(name []byte) uint64 {
	n, err := strconv.ParseUint(string(p.text(name)), 10, 64)
	if err != nil {
		p.fail()
	}
	return n
}

// count is number for a count of elements.
func (p *plainReader) count(name []byte) int {
	n := p.number(name)
	if int64(int(n)) != n {
		p.fail()
	}
	return int(n)
}

// flag reads an element that says true or false.
func (p *plainReader) flag(name []byte) bool {
	text := p.text(name)
	if string(text) != "true" && string(text) != "false" {
		p.fail()
	}
	return string(text) == "true"
}

func (p *plainReader) time(name []byte) (t Time) {
	if t.UnmarshalText(p.text(name)) != nil {
		p.fail()
	}
	return t
}

// string reads an element whose text may be anything.
func (p *plainReader) string(name []byte) string { return string(p.text(name)) }

// word reads an element whose text is mostly one of a few, which then take no memory.
func (p *plainReader) word(name []byte) string {
	switch text := p.text(name); string(text) {
	case "Normal":
		return "Normal"
	case "Multipart":
		return "Multipart"
	case "Appendable":
		return "Appendable"
	case "Standard":
		return "Standard"
	case "IA":
		return "IA"
	case "Archive":
		return "Archive"
	default:
		return string(text)
	}
}

func (p *plainReader) owner(parent []byte, o *Owner) *Owner {
	if o == nil {
		o = new(Owner)
	}
	for name := p.child(string(parent)); name != nil; name = p.child(string(parent)) {
		switch string(name) {
		case "ID":
			o.ID = p.string(name)
		case "DisplayName":
			o.DisplayName = p.string(name)
		default:
			p.skip(name, 0)
		}
	}
	return o
}

func (p *plainReader) commonPrefix(parent []byte) (c CommonPrefix) {
	for name := p.child(string(parent)); name != nil; name = p.child(string(parent)) {
		switch string(name) {
		case "Prefix":
			c.Prefix = p.string(name)
		default:
			p.skip(name, 0)
		}
	}
	return c
}
