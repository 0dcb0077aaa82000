// Package ossxml defines the XML documents that OSS and its clients exchange. Package oss uses it as the client, and
// oss/osstest as the server. Fields have the order of the elements in recorded replies of the service.
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

// TimeFormat is the form of times in documents: UTC, always with .000.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// A Time is a time as OSS writes it.
type Time struct{ time.Time }

// MarshalText formats t as TimeFormat, truncated to seconds.
func (t Time) MarshalText() ([]byte, error) {
	return t.UTC().Truncate(time.Second).AppendFormat(nil, TimeFormat), nil
}

// UnmarshalText parses any RFC 3339 time. An empty text is the zero time.
func (t *Time) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		t.Time = time.Time{}
		return nil
	}
	t.Time, err = time.Parse(time.RFC3339, string(text))
	return err
}

// Initiated is the reply to InitiateMultipartUpload.
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

// A CompletePart is one part to join.
type CompletePart struct {
	Number int    `xml:"PartNumber"`
	ETag   string `xml:"ETag"`
}

// Text returns the same as Marshal at a fraction of the cost. Of the documents that a client writes, this is the large
// one.
func (c Complete) Text() string {
	const size = len("  <Part>\n    <PartNumber>10000</PartNumber>\n" +
		"    <ETag>\"0123456789ABCDEF0123456789ABCDEF\"</ETag>\n  </Part>\n")
	var number [20]byte
	var b strings.Builder
	b.Grow(len(c.Parts)*size + 256)
	b.WriteString(xml.Header + "<CompleteMultipartUpload>\n")
	for _, p := range c.Parts {
		b.WriteString("  <Part>\n    <PartNumber>")
		b.Write(strconv.AppendInt(number[:0], int64(p.Number), 10))
		b.WriteString("</PartNumber>\n    <ETag>")
		if strings.ContainsFunc(p.ETag, needsEscape) {
			b.WriteString(escapeText(p.ETag))
		} else {
			b.WriteString(p.ETag)
		}
		b.WriteString("</ETag>\n  </Part>\n")
	}
	b.WriteString("</CompleteMultipartUpload>\n")
	return b.String()
}

// needsEscape reports whether c may have to be escaped.
func needsEscape(c rune) bool {
	return !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '"' || c == '-')
}

func escapeText(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(insertInText(s))) // writing to a Builder does not fail
	return plainQuotes.Replace(toReferences(b.String()))
}

// Completed is the reply to CompleteMultipartUpload.
type Completed struct {
	XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
	EncodingType string   `xml:"EncodingType,omitempty"`
	Location     string   `xml:"Location"`
	Bucket       string   `xml:"Bucket"`
	Key          string   `xml:"Key"`
	ETag         string   `xml:"ETag"`
}

// CopiedPart is the reply to UploadPartCopy.
type CopiedPart struct {
	XMLName      xml.Name `xml:"CopyPartResult"`
	LastModified Time     `xml:"LastModified"`
	ETag         string   `xml:"ETag"`
}

// CopiedObject is the reply to CopyObject.
type CopiedObject struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	ETag         string   `xml:"ETag"`
	LastModified Time     `xml:"LastModified"`
}

// PartList is the reply to ListParts. The markers are strings because OSS leaves them empty in an empty list.
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

// ClientEncryption repeats the headers of Initiate that describe client-side encryption. Sizes are in bytes.
type ClientEncryption struct {
	Key      string `xml:"ClientEncryptionKey,omitempty"`
	Start    string `xml:"ClientEncryptionStart,omitempty"`
	CEKAlg   string `xml:"ClientEncryptionCekAlg,omitempty"`
	WrapAlg  string `xml:"ClientEncryptionWrapAlg,omitempty"`
	DataSize int64  `xml:"ClientEncryptionDataSize,omitempty"`
	PartSize int64  `xml:"ClientEncryptionPartSize,omitempty"`
}

// A Part is one entry of a PartList.
type Part struct {
	Number       int    `xml:"PartNumber"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	CRC64        uint64 `xml:"HashCrc64ecma"`
	Size         int64  `xml:"Size"`
}

// UploadList is the reply to ListMultipartUploads.
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

// An Upload is one entry of an UploadList.
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

// Error is the document of every error reply. Between HostID and EC, OSS writes elements that depend on the code; Extra
// keeps them in order.
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

// Get returns the value of the element of Extra with a name, or "".
func (e *Error) Get(name string) string {
	for _, f := range e.Extra {
		if f.XMLName.Local == name {
			return f.Value
		}
	}
	return ""
}

// Marshal formats v as OSS does: with an XML declaration, indented by two spaces, and with a final line feed. Quotes
// are not escaped, since no document has attributes. Control characters become references such as &#28;.
func Marshal(v any) (string, error) {
	text, err := marshal(v)
	if strings.ContainsRune(text, utf8.RuneError) { // encoding/xml writes it for a control character
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

// Decode decodes one document with v's root element from r, up to the end of r. It refuses a truncated document,
// another root element, anything after the root element, and a document that exceeds a limit; see limits.go.
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
				return fmt.Errorf("text after the root element")
			}
		default:
			return fmt.Errorf("%T after the root element", tok)
		}
	}
}

// Unescape decodes a string of a document with the given EncodingType, which is "url" or empty.
func Unescape(encoding, s string) (string, error) {
	if encoding != "url" {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// Escape encodes a string for a document with the given EncodingType: as in a query, so that a slash becomes %2F, but a
// space %20.
func Escape(encoding, s string) string {
	if encoding != "url" {
		return s
	}
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
