package conformance_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An element of an XML document, read without any idea of what it should be: the order of elements
// and their number are part of what is compared.
type element struct {
	name, text string
	children   []element
}

// parseXML reads a document, which may hold control characters. Attributes are an error, since OSS uses none, not even
// xmlns.
func parseXML(doc []byte) (element, error) {
	dec := xml.NewDecoder(bytes.NewReader(legible(doc)))
	stack := []element{{}}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return element{}, err
		}
		top := &stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			if len(tok.Attr) > 0 {
				return element{}, fmt.Errorf("element %s has attributes: %v", tok.Name.Local, tok.Attr)
			}
			stack = append(stack, element{name: tok.Name.Local})
		case xml.CharData:
			top.text += controls(string(tok))
		case xml.EndElement:
			done := *top
			if len(done.children) > 0 {
				done.text = strings.TrimSpace(done.text)
			}
			stack = stack[:len(stack)-1]
			parent := &stack[len(stack)-1]
			parent.children = append(parent.children, done)
		}
	}
	if len(stack[0].children) != 1 {
		return element{}, fmt.Errorf("%d root elements", len(stack[0].children))
	}
	return stack[0].children[0], nil
}

// A control character is a reference in a document, which encoding/xml refuses. While it reads, a character of the
// private use area stands for it.
const stand = '\uE000'

var controlReference = regexp.MustCompile(`&#([0-9]|1[0-9]|2[0-9]|3[01]);`)

// legible puts other characters in the place of references to control characters.
func legible(doc []byte) []byte {
	return controlReference.ReplaceAllFunc(doc, func(reference []byte) []byte {
		n, _ := strconv.Atoi(strings.Trim(string(reference), "&#;"))
		return []byte(string(stand + rune(n)))
	})
}

// controls undoes legible in a text.
func controls(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= stand && r < stand+' ' {
			return r - stand
		}
		return r
	}, text)
}

// names returns the names of e's children, in order.
func (e element) names() string {
	names := make([]string, len(e.children))
	for i, c := range e.children {
		names[i] = c.name
	}
	return strings.Join(names, " ")
}

// all returns the children of that name.
func (e element) all(name string) []element {
	var found []element
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// first returns the first child of that name, and stops t if there is none.
func (e element) first(t *testing.T, name string) element {
	t.Helper()
	found := e.all(name)
	if len(found) == 0 {
		t.Fatalf("%s has no %s", e.name, name)
	}
	return found[0]
}

// get returns the text of the first child of that name, or "".
func (e element) get(name string) string {
	for _, c := range e.children {
		if c.name == name {
			return c.text
		}
	}
	return ""
}

// has reports whether there is a child of that name.
func (e element) has(name string) bool { return len(e.all(name)) > 0 }
