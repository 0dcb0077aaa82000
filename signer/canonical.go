package signer

import (
	"cmp"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// A pair is one query parameter or one header of a canonical form.
type pair struct{ name, value string }

// somePairs is room for those of most requests. Whoever makes it keeps it on the stack.
type somePairs [8]pair

// compare orders by name, then by value, in bytes. The second makes the order of parameters
// that share a name irrelevant, as it is for all others.
func (p pair) compare(q pair) int {
	return cmp.Or(strings.Compare(p.name, q.name), strings.Compare(p.value, q.value))
}

// compareFold is compare for names that are still to be written in lower case.
func (p pair) compareFold(q pair) int {
	for i := range min(len(p.name), len(q.name)) {
		if order := cmp.Compare(lower(p.name[i]), lower(q.name[i])); order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(len(p.name), len(q.name)), strings.Compare(p.value, q.value))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// parseQuery decodes a raw query and appends it to pairs. Parameters with a bad escape are left
// out, and the first of them is the error. Empty ones, as in "a&&b", are none.
func parseQuery(pairs []pair, raw string) (_ []pair, err error) {
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if bad := cmp.Or(nameErr, valueErr); bad != nil {
			err = cmp.Or(err, bad)
			continue
		}
		if name != "" || value != "" {
			pairs = append(pairs, pair{name, value})
		}
	}
	return pairs, err
}

// queryValue returns the decoded value of the first parameter called name, and whether there
// is one. It spares the common request without a query signature a full parse.
func queryValue(raw, name string) (string, bool) {
	for part := range strings.SplitSeq(raw, "&") {
		n, v, _ := strings.Cut(part, "=")
		if n, err := url.QueryUnescape(n); err != nil || n != name {
			continue
		}
		if v, err := url.QueryUnescape(v); err == nil {
			return v, true
		}
	}
	return "", false
}

// encodeQuery escapes and sorts: V4's canonical query, and what Presign sends, so that the two
// can be compared by eye. Sorting follows escaping, because OSS sorts what it sees on the wire:
// a vertical bar stands after "z", its escape "%7C" before "0".
func encodeQuery(query []pair) string { return string(appendQuery(nil, escaped(slices.Clone(query)))) }

// escaped escapes query, in place.
func escaped(query []pair) []pair {
	for i, p := range query {
		query[i] = pair{escape(p.name), escape(p.value)}
	}
	return query
}

// appendQuery sorts query and appends it. An empty value leaves the bare name: "?uploads=" and
// "?uploads" are signed alike.
func appendQuery(b []byte, query []pair) []byte {
	slices.SortFunc(query, pair.compare)
	for i, p := range query {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		if p.value != "" {
			b = append(b, '=')
			b = append(b, p.value...)
		}
	}
	return b
}

// ossHeaders appends the x-oss-* headers of h, which both schemes cover.
func ossHeaders(headers []pair, h http.Header) []pair {
	for name, values := range h {
		if isOSSHeader(name) && len(values) > 0 {
			headers = append(headers, pair{name, joinValues(values)})
		}
	}
	return headers
}

// isOSSHeader reports whether name begins with "x-oss-" in any case.
func isOSSHeader(name string) bool {
	const prefix = "x-oss-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// joinValues makes one value of a header's lines, trimmed as net/http trims them on sending.
func joinValues(values []string) string {
	if len(values) == 1 {
		return textproto.TrimString(values[0])
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = textproto.TrimString(v)
	}
	return strings.Join(trimmed, ",")
}

// appendHeaders sorts headers and appends them, a line each, with their names in lower case.
func appendHeaders(b []byte, headers []pair) []byte {
	slices.SortFunc(headers, pair.compareFold)
	for _, p := range headers {
		for i := range len(p.name) {
			b = append(b, lower(p.name[i]))
		}
		b = append(b, ':')
		b = append(b, p.value...)
		b = append(b, '\n')
	}
	return b
}

// escape percent-encodes everything but the unreserved characters of RFC 3986, and a slash too.
func escape(s string) string {
	for i := range len(s) {
		if !isUnreserved(s[i]) {
			return string(appendEscaped(make([]byte, 0, len(s)+16), s, false))
		}
	}
	return s
}

// appendEscaped is escape; with path a slash stays a slash.
func appendEscaped(b []byte, s string, path bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case isUnreserved(c), c == '/' && path:
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// isUnreserved reports whether c stands for itself in every part of a URL.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

// verb returns the method of req as it is signed; net/http takes an empty one for GET.
func verb(req *http.Request) string {
	return strings.ToUpper(cmp.Or(req.Method, http.MethodGet))
}
