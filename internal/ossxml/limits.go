package ossxml

import (
	"bytes"
	"fmt"
	"io"
)

// Limits of one document. The largest document is a page of 1,000 uploads with keys of 1,023 bytes that are all
// escaped: 3.3 MiB. The document with the most tags is a page of 1,000 versions: 24,000. A request to complete 10,000
// parts has 60,002.
const (
	maxBytes        = 5 << 20   // of the document
	maxTags         = 40_000    // "<" characters: of elements, comments and declarations
	maxCompleteTags = 80_000    // of a Complete
	maxText         = 128 << 10 // bytes from one "<" to the next
)

// A limitedReader reads a document and fails if it exceeds a limit. A limit of the bytes alone would not bound the
// memory: a decoder allocates some hundred bytes for an empty element of four, and keeps text and attributes until they
// end.
type limitedReader struct {
	r       io.Reader
	maxTags int
	bytes   int
	tags    int
	text    int // bytes since the last "<"
}

// limit returns a reader of r for decoding v.
func limit(r io.Reader, v any) *limitedReader {
	l := &limitedReader{r: r, maxTags: maxTags}
	if _, ok := v.(*Complete); ok {
		l.maxTags = maxCompleteTags
	}
	return l
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.bytes += n
	for rest := p[:n]; ; l.text = 0 {
		before, after, tag := bytes.Cut(rest, []byte("<"))
		l.text += len(before)
		if l.text > maxText {
			return 0, fmt.Errorf("text of more than %d bytes", maxText)
		}
		if !tag {
			break
		}
		l.tags++
		rest = after
	}
	switch {
	case l.bytes > maxBytes:
		return 0, fmt.Errorf("document of more than %d bytes", maxBytes)
	case l.tags > l.maxTags:
		return 0, fmt.Errorf("document of more than %d tags", l.maxTags)
	}
	return n, err
}
