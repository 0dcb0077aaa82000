package oss

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// This file checks the headers that callers pass. A header that would be replaced, dropped or ignored is an error,
// since the caller expects it to have an effect.

// derivedHeaders are set on every request by net/http or this package. The values name their source.
var derivedHeaders = map[string]string{
	"Host":              "Config.Endpoint and the bucket",
	"Content-Length":    "the body",
	"Transfer-Encoding": "the body",
	"Trailer":           "this package",
	"User-Agent":        "Config.UserAgent",
}

// signatureHeaders are set by a signature. An unsigned request may have them.
var signatureHeaders = map[string]bool{
	"Authorization": true, "Date": true, "X-Oss-Security-Token": true, "X-Oss-Content-Sha256": true,
}

// restrictedHeaders are ignored by OSS except in the operations listed.
//
// See https://help.aliyun.com/en/oss/developer-reference/multipart-upload-operations
var restrictedHeaders = []struct {
	prefix string
	by     []string
}{
	{"X-Oss-Callback", []string{"PutObject", "CompleteMultipartUpload"}},
	{"X-Oss-Object-Acl", []string{"PutObject", "CopyObject", "CompleteMultipartUpload", "AppendObject",
		"PutSymlink", "PutObjectACL"}},
	{"X-Oss-Forbid-Overwrite", []string{"PutObject", "CopyObject", "InitiateMultipartUpload",
		"CompleteMultipartUpload", "PutSymlink"}},
	{"X-Oss-Traffic-Limit", []string{"PutObject", "CopyObject", "UploadPart", "UploadPartCopy",
		"GetObject", "AppendObject"}},
	{"X-Oss-Copy-Source", []string{"CopyObject", "UploadPartCopy"}},
	{"X-Oss-Meta-", []string{"PutObject", "CopyObject", "InitiateMultipartUpload", "AppendObject", "PutSymlink"}},
	{"X-Oss-Tagging", []string{"PutObject", "CopyObject", "InitiateMultipartUpload", "AppendObject", "PutSymlink"}},
	{"X-Oss-Storage-Class", []string{"PutObject", "CopyObject", "InitiateMultipartUpload", "AppendObject",
		"PutSymlink", "PutBucket"}},
	{"X-Oss-Server-Side-", []string{"PutObject", "CopyObject", "InitiateMultipartUpload", "AppendObject"}},
	{"X-Oss-Hash-Crc64ecma", []string{"PutObject", "UploadPart"}},
	{"Content-Md5", []string{"PutObject", "UploadPart", "CompleteMultipartUpload"}},
}

// checkApplicable refuses headers that OSS would ignore in the operation of r.
func (r *Request) checkApplicable() error {
	for name := range r.Header {
		for _, t := range restrictedHeaders {
			if strings.HasPrefix(name, t.prefix) && !slices.Contains(t.by, r.Op) {
				return fmt.Errorf("oss: OSS ignores the header %s with %s: give it to %s", name,
					r.Op, strings.Join(t.by, ", "))
			}
		}
	}
	return nil
}

// checkHeader refuses headers that cannot be sent as they are. The sender of a presigned request may set those of the
// body and the connection.
func (c *Client) checkHeader(r *Request, presign bool) error {
	_, unsigned := c.credentials.(anonymous)
	for name, values := range r.Header {
		if !isToken(name) {
			return fmt.Errorf("oss: header name %q is not valid", name)
		}
		for _, v := range values {
			if !isHeaderValue(v) {
				return fmt.Errorf("oss: value of header %s has a control character", name)
			}
		}
		canonical := http.CanonicalHeaderKey(name)
		if by, ok := derivedHeaders[canonical]; ok && (!presign || canonical == "Host") {
			return fmt.Errorf("oss: header %s cannot be given: it follows from %s", canonical, by)
		}
		if !unsigned && c.signatureSets(canonical, presign) {
			return fmt.Errorf("oss: header %s cannot be given: it is part of the signature", canonical)
		}
		if err := checkOSSHeader(canonical, values); err != nil {
			return err
		}
	}
	return nil
}

// checkOSSHeader refuses headers that OSS answers with SignatureDoesNotMatch, or stores with another value. Proxies
// drop names with an underscore. HTTP drops blanks around a value, and V4 does not match a value that is then empty.
//
// See https://help.aliyun.com/en/oss/user-guide/manage-object-metadata
func checkOSSHeader(name string, values []string) error {
	if !strings.HasPrefix(name, "X-Oss-") {
		return nil
	}
	if strings.Contains(name, "_") {
		return fmt.Errorf("oss: header name %s has an underscore, which OSS refuses", name)
	}
	if !strings.HasPrefix(name, "X-Oss-Meta-") {
		return nil
	}
	for _, v := range values {
		switch trimmed := strings.Trim(v, " \t"); {
		case trimmed == "":
			return fmt.Errorf("oss: value of the metadata %s is empty, which breaks signature V4", name)
		case trimmed != v:
			return fmt.Errorf("oss: value %.80q of the metadata %s begins or ends with a blank, which HTTP drops", v,
				name)
		}
	}
	return nil
}

// checkDefaults refuses headers in Config.Header that do not belong on every request.
func (c *Client) checkDefaults(h http.Header) error {
	if err := c.checkHeader(&Request{Header: h}, false); err != nil {
		return fmt.Errorf("oss: Config.Header: %s", strings.TrimPrefix(err.Error(), "oss: "))
	}
	prefixes := []string{"Content-", "Accept-Encoding", "Range", "If-"}
	for _, t := range restrictedHeaders {
		prefixes = append(prefixes, t.prefix)
	}
	for name := range h {
		for _, prefix := range prefixes {
			if strings.HasPrefix(http.CanonicalHeaderKey(name), prefix) {
				return fmt.Errorf("oss: Config.Header: %s is not for every request: give it to the operation",
					http.CanonicalHeaderKey(name))
			}
		}
	}
	return nil
}

// checkSigned refuses headers set by a Signer that net/http would not send. Retrying would not help.
func checkSigned(h http.Header) error {
	for name, values := range h {
		if !isToken(name) || slices.ContainsFunc(values, func(v string) bool { return !isHeaderValue(v) }) {
			return fmt.Errorf("the Signer has set the header %q, which cannot be sent", name)
		}
	}
	return nil
}

// signatureSets reports whether a signature sets a header.
func (c *Client) signatureSets(name string, presign bool) bool {
	if name == "X-Oss-Date" { // V1 accepts it from the caller, in place of Date
		return c.isV4()
	}
	if presign && (name == "Date" || name == "X-Oss-Content-Sha256") {
		return false // a presigned URL has neither
	}
	return signatureHeaders[name]
}

// fieldHeaders collects the headers of an options struct: its Header, and those that its fields stand for. A header
// that is set twice must have the same value.
type fieldHeaders struct {
	http.Header
	err error // the first contradiction
}

// fieldsOver starts with a copy of h.
func fieldsOver(h http.Header) *fieldHeaders {
	f := &fieldHeaders{Header: make(http.Header)}
	addHeader(f.Header, h)
	return f
}

// merge adds another Header of the same options.
func (f *fieldHeaders) merge(field string, h http.Header) {
	for name, values := range h {
		f.contradict(field, name, values)
		f.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

// contradict records an error if a header was set before with other values.
func (f *fieldHeaders) contradict(field, name string, values []string) {
	if given := f.Values(name); len(given) > 0 && !slices.Equal(given, values) && f.err == nil {
		f.err = fmt.Errorf("oss: %s is %.80q, and %s in Header is %.80q", field, values,
			http.CanonicalHeaderKey(name), given)
	}
}

// set sets a header to the value of a field, unless that is empty.
func (f *fieldHeaders) set(field, name, value string) {
	if value == "" {
		return
	}
	f.contradict(field, name, []string{value})
	f.Set(name, value)
}

// setFlag sets a header to "true" if on is set.
func (f *fieldHeaders) setFlag(field, name string, on bool) {
	if on {
		f.set(field, name, "true")
	}
}

// addHeader copies the headers of extra to h under their canonical names. It shares no memory.
func addHeader(h, extra http.Header) {
	for name, values := range extra {
		h[http.CanonicalHeaderKey(name)] = append([]string(nil), values...)
	}
}

// isToken reports whether s is a token of RFC 9110, as methods and header names are.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", c)
	})
}

// isHeaderValue reports whether s has no control characters except tabs, so that it can be the value of a header.
func isHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
