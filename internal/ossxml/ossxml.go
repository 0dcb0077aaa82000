// Package ossxml holds the XML documents OSS and its clients exchange, shared by the client in
// package oss and the server in package oss/osstest. The order of the fields is the order of the
// elements in recorded replies of the service.
package ossxml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// TimeFormat is the form of times inside a document: UTC, always with .000.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// A Time is a moment as OSS writes it.
type Time struct{ time.Time }

// MarshalText writes t in TimeFormat; OSS knows whole seconds only.
func (t Time) MarshalText() ([]byte, error) {
	return t.UTC().Truncate(time.Second).AppendFormat(nil, TimeFormat), nil
}

// UnmarshalText reads any RFC 3339 time, and an empty text as the zero time.
func (t *Time) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		t.Time = time.Time{}
		return nil
	}
	t.Time, err = time.Parse(time.RFC3339, string(text))
	return err
}

// Initiated answers InitiateMultipartUpload.
type Initiated struct {
	XMLName      xml.Name `xml:"InitiateMultipartUploadResult"`
	EncodingType string   `xml:"EncodingType,omitempty"`
	Bucket       string   `xml:"Bucket"`
	Key          string   `xml:"Key"`
	UploadID     string   `xml:"UploadId"`
}

// Complete is the body of CompleteMultipartUpload.
type Complete struct {
	XMLName xml.Name       `xml:"CompleteMultipartUpload"`
	Parts   []CompletePart `xml:"Part"`
}

// A CompletePart names one part to join.
type CompletePart struct {
	Number int    `xml:"PartNumber"`
	ETag   string `xml:"ETag"`
}

// Text returns what Marshal returns, without its price: of the documents a client writes this is the large one.
func (c Complete) Text() string {
	const size = len("  <Part>\n    <PartNumber>10000</PartNumber>\n    <ETag>\"0123456789ABCDEF0123456789ABCDEF\"</ETag>\n  </Part>\n")
	var number [20]byte
	var b strings.Builder
	b.Grow(len(c.Parts)*size + 256)
	b.WriteString(xml.Header + "<CompleteMultipartUpload>\n")
	for _, p := range c.Parts {
		b.WriteString("  <Part>\n    <PartNumber>")
		b.Write(strconv.AppendInt(number[:0], int64(p.Number), 10))
		b.WriteString("</PartNumber>\n    <ETag>")
		if strings.ContainsFunc(p.ETag, notPlain) {
			b.WriteString(escapeText(p.ETag))
		} else {
			b.WriteString(p.ETag)
		}
		b.WriteString("</ETag>\n  </Part>\n")
	}
	b.WriteString("</CompleteMultipartUpload>\n")
	return b.String()
}

// notPlain reports whether a character may have to be escaped.
func notPlain(c rune) bool {
	return !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '"' || c == '-')
}

func escapeText(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(disguiseText(s))) // a Builder fails never
	return plainQuotes.Replace(referTo(b.String()))
}

// Completed answers CompleteMultipartUpload.
type Completed struct {
	XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
	EncodingType string   `xml:"EncodingType,omitempty"`
	Location     string   `xml:"Location"`
	Bucket       string   `xml:"Bucket"`
	Key          string   `xml:"Key"`
	ETag         string   `xml:"ETag"`
}

// CopiedPart answers UploadPartCopy.
type CopiedPart struct {
	XMLName      xml.Name `xml:"CopyPartResult"`
	LastModified Time     `xml:"LastModified"`
	ETag         string   `xml:"ETag"`
}

// CopiedObject answers CopyObject.
type CopiedObject struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	ETag         string   `xml:"ETag"`
	LastModified Time     `xml:"LastModified"`
}

// PartList answers ListParts. The markers are text because an empty list may leave them empty.
type PartList struct {
	XMLName              xml.Name `xml:"ListPartsResult"`
	EncodingType         string   `xml:"EncodingType,omitempty"`
	Bucket               string   `xml:"Bucket"`
	Key                  string   `xml:"Key"`
	UploadID             string   `xml:"UploadId"`
	StorageClass         string   `xml:"StorageClass"`
	PartNumberMarker     string   `xml:"PartNumberMarker"`
	NextPartNumberMarker string   `xml:"NextPartNumberMarker"`
	MaxParts             int      `xml:"MaxParts"`
	IsTruncated          bool     `xml:"IsTruncated"`
	ClientEncryption
	Parts []Part `xml:"Part"`
}

// ClientEncryption repeats how the client said at Initiate that it encrypts an upload. Sizes are in bytes.
type ClientEncryption struct {
	Key      string `xml:"ClientEncryptionKey,omitempty"`
	Start    string `xml:"ClientEncryptionStart,omitempty"`
	CEKAlg   string `xml:"ClientEncryptionCekAlg,omitempty"`
	WrapAlg  string `xml:"ClientEncryptionWrapAlg,omitempty"`
	DataSize int64  `xml:"ClientEncryptionDataSize,omitempty"`
	PartSize int64  `xml:"ClientEncryptionPartSize,omitempty"`
}

// A Part is one line of a PartList.
type Part struct {
	Number       int    `xml:"PartNumber"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	CRC64        uint64 `xml:"HashCrc64ecma"`
	Size         int64  `xml:"Size"`
}

// UploadList answers ListMultipartUploads.
type UploadList struct {
	XMLName            xml.Name       `xml:"ListMultipartUploadsResult"`
	EncodingType       string         `xml:"EncodingType,omitempty"`
	Bucket             string         `xml:"Bucket"`
	KeyMarker          string         `xml:"KeyMarker"`
	UploadIDMarker     string         `xml:"UploadIdMarker"`
	NextKeyMarker      string         `xml:"NextKeyMarker"`
	NextUploadIDMarker string         `xml:"NextUploadIdMarker"`
	Delimiter          string         `xml:"Delimiter"`
	Prefix             string         `xml:"Prefix"`
	MaxUploads         int            `xml:"MaxUploads"`
	IsTruncated        bool           `xml:"IsTruncated"`
	Uploads            []Upload       `xml:"Upload"`
	CommonPrefixes     []CommonPrefix `xml:"CommonPrefixes"`
}

// An Upload is one line of an UploadList.
type Upload struct {
	Key          string `xml:"Key"`
	UploadID     string `xml:"UploadId"`
	StorageClass string `xml:"StorageClass"`
	Initiated    Time   `xml:"Initiated"`
}

// A CommonPrefix stands for all keys that share it up to the delimiter.
type CommonPrefix struct {
	Prefix string `xml:"Prefix"`
}

// Error is the document of every refusal. Between HostID and EC the service puts elements that
// belong to the code; Extra keeps them in their order.
type Error struct {
	XMLName      xml.Name `xml:"Error"`
	Code         string   `xml:"Code"`
	Message      string   `xml:"Message"`
	RequestID    string   `xml:"RequestId"`
	HostID       string   `xml:"HostId"`
	Extra        []Field  `xml:",any"`
	EC           string   `xml:"EC,omitempty"`
	RecommendDoc string   `xml:"RecommendDoc,omitempty"`
}

// A Field is an element that only some codes have, such as StringToSign.
type Field struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// Get returns the value of the extra element called name, or "".
func (e *Error) Get(name string) string {
	for _, f := range e.Extra {
		if f.XMLName.Local == name {
			return f.Value
		}
	}
	return ""
}

// Marshal writes v as the service does: declaration, two-space indentation, a final line feed, and
// quotes as they are, since no document has attributes. Control characters become references such as &#28;.
func Marshal(v any) (string, error) {
	text, err := marshal(v)
	if strings.ContainsRune(text, utf8.RuneError) { // what encoding/xml writes for them
		return marshalControl(v)
	}
	return text, err
}

func marshal(v any) (string, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	b.WriteByte('\n')
	return plainQuotes.Replace(b.String()), nil
}

var plainQuotes = strings.NewReplacer("&#34;", `"`, "&#39;", "'")

// Decode reads one document of v's root element from r to its end. A reply cut short, one with
// another root, one with something behind the root, and one that exceeds a limit are errors.
func Decode(r io.Reader, v any) error {
	r = limit(r, v)
	plain, ok := v.(plainDocument)
	if !ok {
		return decode(xml.NewDecoder(r), v)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return err
	}
	if plain.readPlain(b.Bytes()) {
		return nil
	}
	plain.reset()
	return decode(xml.NewDecoder(&b), v)
}

func decode(dec *xml.Decoder, v any) error {
	if err := dec.Decode(v); err != nil {
		return err
	}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				return fmt.Errorf("text behind the root element")
			}
		default:
			return fmt.Errorf("%T behind the root element", tok)
		}
	}
}

// Unescape undoes encoding-type=url: encoding is the document's EncodingType.
func Unescape(encoding, s string) (string, error) {
	if encoding != "url" {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// Escape does encoding-type=url: as in a query, so that a slash becomes %2F, but a space %20.
func Escape(encoding, s string) string {
	if encoding != "url" {
		return s
	}
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
