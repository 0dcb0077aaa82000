package osstest

import (
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
)

// FailAfter replies with an OSS error after n bytes of the body of the request, or after the last byte of a shorter
// body, while the client may still be sending. The request is not executed, and the connection is closed. Only
// operations whose request brings content match.
func FailAfter(n int64, status int, code oss.Code) Effect {
	checkStatus("FailAfter", status)
	if n < 0 {
		panic("osstest: FailAfter: the number of bytes must not be negative")
	}
	return newEffect("FailAfter", sendsContent, func(x *exchange) error {
		x.body.Reader = io.MultiReader(io.LimitReader(x.body.Reader, n), refusingReader{failure(status, code)})
		return nil
	}, n, status, code)
}

// sendsContent reports whether requests of op bring content.
func sendsContent(op *operation) bool { return op.body == contentRequest }

// A refusingReader fails with a refusal.
type refusingReader struct{ refusal *refusal }

func (r refusingReader) Read([]byte) (int, error) { return 0, r.refusal }

// CutReply executes the request, and closes the connection after n bytes of the reply, status line and headers
// included. A shorter reply arrives completely, and is the last one on its connection. Truncate counts bytes of the
// body only.
func CutReply(n int64) Effect {
	if n < 0 {
		panic("osstest: CutReply: the number of bytes must not be negative")
	}
	return newEffect("CutReply", anyOperation, func(x *exchange) error {
		x.cutAt = n
		return nil
	}, n)
}

// ShortReply executes the request and sends only the first n bytes of the body of the reply, with a Content-Length that
// matches: a truncated document in a well-formed reply, as a proxy may send. Operations whose reply has no body do not
// match.
func ShortReply(n int64) Effect {
	if n < 0 {
		panic("osstest: ShortReply: the number of bytes must not be negative")
	}
	answers := func(op *operation) bool {
		return op.body == documentReply || op.body == linkedContent || op.body == contentReply
	}
	return newEffect("ShortReply", answers, func(x *exchange) error {
		x.onReply = append(x.onReply, func(rep *reply) error {
			if rep.body != nil && rep.size > n {
				rep.body, rep.size = io.LimitReader(rep.body, n), n
			}
			return nil
		})
		return nil
	}, n)
}

// WrongETag changes a digit of every ETag in the reply, in the header and in the document. The ETag of the stored
// object or part is right. Operations whose reply has no ETag do not match.
func WrongETag() Effect {
	return newEffect("WrongETag", reportsSum("ETag"), changeSums("ETag", etagElement, func(etag string) string {
		i := strings.IndexAny(etag, "0123456789ABCDEF")
		if i < 0 {
			return etag
		}
		digit := byte('0')
		if etag[i] == '0' {
			digit = '1'
		}
		return etag[:i] + string(digit) + etag[i+1:]
	}))
}

// WrongCRC64 inverts the lowest bit of every CRC-64 in the reply, in the header and in the document. The CRC-64 of the
// stored object or part is right. Operations whose reply has no CRC-64 do not match.
func WrongCRC64() Effect {
	return newEffect("WrongCRC64", reportsSum("CRC64"),
		changeSums("x-oss-hash-crc64ecma", crcElement, func(sum string) string {
			n, err := strconv.ParseUint(sum, 10, 64)
			if err != nil {
				return sum
			}
			return strconv.FormatUint(n^1, 10)
		}))
}

var (
	etagElement = regexp.MustCompile(`<ETag>[^<]*`)
	crcElement  = regexp.MustCompile(`<HashCrc64ecma>[^<]*`)
)

// reportsSum returns a predicate for operations whose replies have sum, which is "ETag" or "CRC64".
func reportsSum(sum string) func(*operation) bool {
	return func(op *operation) bool {
		switch op.name {
		case "PutObject", "CopyObject", "AppendObject", "UploadPart", "CompleteMultipartUpload", "ListParts",
			"GetObject", "HeadObject", "GetObjectMeta":
			return true
		case "UploadPartCopy", "ListObjects", "ListObjectsV2", "ListObjectVersions":
			return sum == "ETag"
		}
		return false
	}
}

// changeSums returns the run function of an effect that applies change to a header and to the text of the elements that
// match element. Error replies are not changed.
func changeSums(header string, element *regexp.Regexp, change func(string) string) func(*exchange) error {
	return func(x *exchange) error {
		x.onReply = append(x.onReply, func(rep *reply) error {
			if rep.refusal != nil {
				return nil
			}
			if v := rep.header.Get(header); v != "" {
				rep.header.Set(header, change(v))
			}
			if rep.document == "" {
				return nil
			}
			text := element.ReplaceAllStringFunc(rep.document, func(e string) string {
				name, value, _ := strings.Cut(e, ">")
				return name + ">" + change(value)
			})
			rep.setDocument(text)
			return nil
		})
		return nil
	}
}

// setDocument makes text the body of the reply.
func (rep *reply) setDocument(text string) {
	rep.document, rep.body, rep.size = text, strings.NewReader(text), int64(len(text))
}

// ProxyReply replies like a load balancer or a login page between the client and OSS: with status, html, which may be
// empty, and none of the headers of OSS. The request is not executed.
func ProxyReply(status int, html string) Effect {
	checkStatus("ProxyReply", status)
	return newEffect("ProxyReply", anyOperation, func(x *exchange) error {
		rep := newReply(status)
		rep.notOSS = true
		if html != "" {
			rep.setDocument(html)
			rep.header.Set("Content-Type", "text/html")
		}
		x.replacement = rep
		return nil
	}, status)
}
