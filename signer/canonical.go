package signer

import (
	"cmp"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// A pair is a query parameter or a header.
type pair struct{ name, value string }

// A pairBuffer holds the pairs of most requests on the stack of its caller.
type pairBuffer [8]pair

// compare orders by name, then by value, bytewise. Ordering by value makes the order of parameters with one name
// irrelevant.
func (p pair) compare(q pair) int {
	return cmp.Or(strings.Compare(p.name, q.name), strings.Compare(p.value, q.value))
}

// compareFold is compare for names that are later written in lower case.
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

// parseQuery decodes a raw query and appends its parameters to pairs. It skips parameters with an invalid escape and
// returns the error of the first. It ignores empty parameters, as in "a&&b".
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

// queryValue returns the decoded value of the first parameter with a name, and whether there is one. It is cheaper than
// parseQuery for the usual request without a signature in the query.
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

// encodeQuery escapes and sorts. It is the canonical query of V4, and the query that Presign sends, so that the two can
// be compared by eye. It sorts after escaping, as OSS sorts the escaped query: a vertical bar sorts after "z", its
// escape "%7C" before "0".
func encodeQuery(query []pair) string { return string(appendQuery(nil, escaped(slices.Clone(query)))) }

// escaped escapes query in place.
func escaped(query []pair) []pair {
	for i, p := range query {
		query[i] = pair{escape(p.name), escape(p.value)}
	}
	return query
}

// appendQuery sorts query and appends it. A parameter with an empty value is its bare name: "?uploads=" and "?uploads"
// have the same signature.
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

// joinValues joins the values of a header, which net/http sends as several lines, and trims each as net/http does.
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

// appendHeaders sorts headers and appends each as a line, with its name in lower case.
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

// escape percent-encodes everything but the unreserved characters of RFC 3986.
func escape(s string) string {
	for i := range len(s) {
		if !isUnreserved(s[i]) {
			return string(appendEscaped(make([]byte, 0, len(s)+16), s, false))
		}
	}
	return s
}

// appendEscaped appends s as escape does; with path it keeps slashes.
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

// isUnreserved reports whether c is never percent-encoded.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

// method returns the method of req as it is signed. net/http sends an empty one as GET.
func method(req *http.Request) string {
	return strings.ToUpper(cmp.Or(req.Method, http.MethodGet))
}
