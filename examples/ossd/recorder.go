package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A recorder writes requests and replies to a file for bug reports: as JSON lines, or as an HTTP archive (HAR 1.2),
// which is complete after every request. Secrets are masked, and the content of objects is left out.
type recorder struct {
	mu      sync.Mutex
	file    *os.File
	archive bool
	size    int64 // of the file, without archiveTail
	err     error // the first one; nothing is written after it
}

// The start and the end of an archive.
const (
	archiveHead = `{"log":{"version":"1.2","creator":{"name":"ossd","version":"1"},"entries":[`
	archiveTail = "\n]}}\n"
)

// openRecorder creates or truncates a file. It is an archive if its name ends with .har.
func openRecorder(path string) (*recorder, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	r := &recorder{file: f, archive: strings.HasSuffix(strings.ToLower(path), ".har")}
	if r.archive {
		_, err = f.WriteString(archiveHead + archiveTail)
		r.size = int64(len(archiveHead))
	}
	return r, err
}

func (r *recorder) close() error { return r.file.Close() }

// write appends one exchange.
func (r *recorder) write(e harEntry) error {
	text, err := json.Marshal(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || err != nil {
		return err
	}
	before, after := "", "\n"
	if r.archive {
		before, after = "\n", archiveTail
		if r.size > int64(len(archiveHead)) {
			before = ",\n"
		}
	}
	line := before + string(text)
	if _, r.err = r.file.WriteAt([]byte(line+after), r.size); r.err == nil {
		r.size += int64(len(line))
		if !r.archive {
			r.size += int64(len(after))
		}
	}
	return r.err
}

// A harEntry is a request and its reply in an HTTP archive.
type harEntry struct {
	Started  time.Time   `json:"startedDateTime"`
	Time     float64     `json:"time"` // milliseconds
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Comment  string      `json:"comment,omitempty"` // the line in the log
}

type harRequest struct {
	Method      string    `json:"method"`
	URL         string    `json:"url"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []harPair `json:"cookies"`
	Headers     []harPair `json:"headers"`
	Query       []harPair `json:"queryString"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int64     `json:"bodySize"`
	Post        *harPost  `json:"postData,omitempty"`
}

type harResponse struct {
	Status      int        `json:"status"` // 0 if no reply was sent
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harPair  `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int64      `json:"bodySize"`
}

type harContent struct {
	Size     int64  `json:"size"`
	MimeType string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
}

type harPost struct {
	MimeType string `json:"mimeType"`
	Text     string `json:"text"`
}

type harTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// maxText is the number of bytes of a document that are recorded at most.
const maxText = 16 << 10

// A tap keeps the beginning of a body, if the body is an XML document.
type tap struct{ text []byte }

func (t *tap) see(p []byte) {
	if len(t.text) == 0 && !bytes.HasPrefix(p, []byte("<")) {
		return
	}
	t.text = append(t.text, p[:min(len(p), maxText-len(t.text))]...)
}

// A tappedBody is the body of a request with a tap.
type tappedBody struct {
	io.ReadCloser
	tap  *tap
	seen bool // the body is not a document
}

func (b *tappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.seen {
		b.tap.see(p[:n])
		b.seen = len(b.tap.text) == 0
	}
	return n, err
}

// secretHeaders and secretParams are masked, because a signature allows to repeat a request, and a token to sign
// others.
var (
	secretHeaders = []string{"Authorization", "X-Oss-Security-Token", "Security-Token", "Cookie", "Proxy-Authorization"}
	secretParams  = []string{"Signature", "x-oss-signature", "security-token", "x-oss-security-token"}
)

const mask = "(masked)"

// A masker masks secrets in texts that may repeat them, such as the StringToSign of an error document.
type masker struct{ secrets []string }

// newMasker returns a masker of the secrets in a request.
func newMasker(r *http.Request) *masker {
	m := new(masker)
	for _, name := range secretHeaders {
		for _, value := range r.Header.Values(name) {
			m.add(value)
			for _, sep := range []string{"Signature=", ":"} { // of V4 and of V1
				if _, signature, ok := strings.Cut(value, sep); ok && name == "Authorization" {
					m.add(signature)
				}
			}
		}
	}
	q := r.URL.Query()
	for _, name := range secretParams {
		for _, value := range q[name] {
			m.add(value)
		}
	}
	return m
}

func (m *masker) add(secret string) {
	if len(secret) > 3 { // a shorter one is not a secret, and would match many texts
		m.secrets = append(m.secrets, secret)
	}
}

func (m *masker) text(s string) string {
	for _, secret := range m.secrets {
		s = strings.ReplaceAll(s, secret, mask)
	}
	return s
}

// headers returns a header, sorted by name.
func (m *masker) headers(h http.Header) []harPair {
	pairs := []harPair{}
	for name, values := range h {
		for _, value := range values {
			if slices.Contains(secretHeaders, http.CanonicalHeaderKey(name)) {
				value = mask
			}
			pairs = append(pairs, harPair{name, m.text(value)})
		}
	}
	slices.SortStableFunc(pairs, func(a, b harPair) int { return strings.Compare(a.Name, b.Name) })
	return pairs
}

// query returns the URL of r and its parameters in their order.
func (m *masker) query(r *http.Request) (url string, pairs []harPair) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	pairs = []harPair{}
	var raw []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, found := strings.Cut(pair, "=")
		if name == "" && !found {
			continue
		}
		if slices.Contains(secretParams, name) {
			value = mask
		}
		pairs = append(pairs, harPair{name, m.text(value)})
		if found {
			name += "=" + m.text(value)
		}
		raw = append(raw, name)
	}
	u := *r.URL
	u.RawQuery = ""
	url = scheme + "://" + r.Host + u.EscapedPath()
	if len(raw) > 0 {
		url += "?" + strings.Join(raw, "&")
	}
	return url, pairs
}

// exchange returns the entry of a visit in the archive.
func (v *visit) exchange(r *http.Request, e entry) harEntry {
	m := newMasker(r)
	url, query := m.query(r)
	headers := r.Header.Clone()
	headers.Set("Host", r.Host)
	h := harEntry{
		Started: v.began, Time: e.Millis, Timings: harTimings{Wait: e.Millis}, Comment: m.text(e.String()),
		Request: harRequest{
			Method: r.Method, URL: url, HTTPVersion: r.Proto, Cookies: []harPair{},
			Headers: m.headers(headers), Query: query,
			HeadersSize: -1, BodySize: e.In,
		},
		Response: harResponse{
			Status: int(e.Status), StatusText: http.StatusText(int(e.Status)),
			HTTPVersion: r.Proto, Cookies: []harPair{},
			Headers: m.headers(v.Header()), HeadersSize: -1, BodySize: e.Out,
			Content: harContent{Size: e.Out, MimeType: v.Header().Get("Content-Type"),
				Text: m.text(string(v.reply.text))},
		},
	}
	if text := v.request.text; len(text) > 0 {
		h.Request.Post = &harPost{MimeType: r.Header.Get("Content-Type"), Text: m.text(string(text))}
	}
	return h
}
