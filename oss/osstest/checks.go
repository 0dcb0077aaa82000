package osstest

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkCommon checks headers and parameters that every request may have.
func (x *exchange) checkCommon() error {
	switch v := x.encoding(); v {
	case "", "url":
	case "url2", "base64": // OSS takes them, and no page says how it writes keys then
		return notImplemented("encoding-type")
	default: // see https://help.aliyun.com/en/oss/user-guide/0017-00000235
		return invalidArgument("0017-00000235", "Invalid Encoding Method specified in Request", "encoding-type", v)
	}
	for _, name := range unsupportedHeaders {
		if x.r.Header.Get(name) != "" {
			return notImplemented(name)
		}
	}
	if err := x.checkCallback(); err != nil {
		return err
	}
	return x.limitTraffic()
}

// unsupportedHeaders change operations in ways that a Server does not implement. Other unknown headers are ignored, as
// by OSS.
var unsupportedHeaders = []string{
	"x-oss-process", "x-oss-hash-ctx", "x-oss-md5-ctx",
	"x-oss-enable-md5", "x-oss-enable-sha1", "x-oss-enable-sha256",
	"x-oss-object-worm-mode", "x-oss-object-worm-retain-until-date",
}

// storageClasses are the storage classes of objects and buckets.
var storageClasses = []string{"Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"}

// checkNewObject checks the headers that set properties of a new object.
func (x *exchange) checkNewObject() error {
	h := x.r.Header
	if class := h.Get("x-oss-storage-class"); class != "" &&
		!slices.Contains(storageClasses, class) {
		return invalidArgument("", "The storage class you specified is invalid.", "x-oss-storage-class", class)
	}
	for _, check := range []func() error{x.checkACL, x.checkEncryption, x.checkTagging, x.checkMetadata} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkACL checks x-oss-object-acl. For a multipart upload it is sent with CompleteMultipartUpload.
func (x *exchange) checkACL() error {
	acl := x.r.Header.Get("x-oss-object-acl")
	if acl == "" || slices.Contains([]string{"default", "private", "public-read", "public-read-write"}, acl) {
		return nil
	}
	return invalidArgument("", "no such object access control exists", "x-oss-object-acl", acl)
}

// encryptionHeaders say how an object is encrypted at rest.
var encryptionHeaders = []string{
	"x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id", "x-oss-server-side-data-encryption",
}

// checkEncryption checks the encryptionHeaders.
//
// See https://help.aliyun.com/en/oss/user-guide/server-side-encryption-5
func (x *exchange) checkEncryption() error {
	algorithm, key, data := x.r.Header.Get(encryptionHeaders[0]), x.r.Header.Get(encryptionHeaders[1]),
		x.r.Header.Get(encryptionHeaders[2])
	switch {
	case !slices.Contains([]string{"", "AES256", "KMS", "SM4"}, algorithm):
		return refuse(http.StatusBadRequest, "InvalidEncryptionAlgorithmError", "",
			"The Encryption Algorithm you specified is not valid. Supported value: AES256/SM4/KMS.")
	case key != "" && algorithm != "KMS":
		return invalidArgument("", "A key ID needs the encryption algorithm KMS.", encryptionHeaders[1], key)
	case data != "" && (algorithm != "KMS" || data != "SM4"):
		return invalidArgument("", "The data encryption must be SM4, and needs the encryption algorithm KMS.",
			encryptionHeaders[2], data)
	}
	return nil
}

// checkNoEncryption refuses the encryptionHeaders with a part.
func (x *exchange) checkNoEncryption() error {
	for _, name := range encryptionHeaders {
		if value := x.r.Header.Get(name); value != "" {
			return invalidArgument("", "The encryption of a part is that of its upload.", name, value)
		}
	}
	return nil
}

// checkTagging checks x-oss-tagging. Only the first append to an object uses it.
func (x *exchange) checkTagging() error { return checkTags(x.r.Header.Get("x-oss-tagging")) }

// maxTags is the maximum number of tags of an object.
const maxTags = 10

// checkTags checks that header is the query form of at most ten tags.
//
// See https://help.aliyun.com/en/oss/user-guide/object-tagging-8
func checkTags(header string) error {
	malformed := invalidArgument("", "The header 'x-oss-tagging' shall be encoded as UTF-8 then URLEncoded URL query "+
		"parameters without tag name duplicates.", "x-oss-tagging", header)
	tags := parseTags(header)
	if len(tags) > maxTags {
		return tooManyTags()
	}
	seen := make(map[string]bool)
	for _, t := range tags {
		key, keyErr := url.QueryUnescape(t.key)
		value, valueErr := url.QueryUnescape(t.value)
		if keyErr != nil || valueErr != nil || strings.Contains(t.value, "=") || seen[key] {
			return malformed
		}
		seen[key] = true
		if err := checkTag(key, value); err != nil {
			return err
		}
	}
	return nil
}

func tooManyTags() *refusal {
	return refuse(http.StatusBadRequest, "BadRequest", "", "Object tags cannot be greater than 10")
}

func invalidTag(message string) *refusal {
	return refuse(http.StatusBadRequest, "InvalidTag", "", message)
}

// checkTag checks the characters and the lengths of a key and a value.
func checkTag(key, value string) error {
	foreign := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" +-=._:/", r)
	}
	switch {
	case key == "", utf8.RuneCountInString(key) > 128, strings.ContainsFunc(key, foreign):
		return invalidTag("The TagKey you have provided is invalid")
	case utf8.RuneCountInString(value) > 256, strings.ContainsFunc(value, foreign):
		return invalidTag("The TagValue you have provided is invalid")
	}
	return nil
}

// A tag is one tag in x-oss-tagging, not decoded.
type tag struct{ key, value string }

func parseTags(header string) []tag {
	var tags []tag
	for pair := range strings.SplitSeq(header, "&") {
		if pair != "" {
			key, value, _ := strings.Cut(pair, "=")
			tags = append(tags, tag{key, value})
		}
	}
	return tags
}

// metaPrefix begins the names of headers with user metadata, in canonical form.
const metaPrefix = "X-Oss-Meta-"

// checkMetadata checks the x-oss-meta-* headers: their names consist of letters, digits and hyphens, and their total
// size is less than 8 KiB.
//
// See https://help.aliyun.com/en/oss/user-guide/0011-00000002 and 0011-00000004.
func (x *exchange) checkMetadata() error {
	total := 0
	for name, values := range x.r.Header {
		// net/http does not canonicalize names with unusual bytes.
		name = textproto.CanonicalMIMEHeaderKey(name)
		key, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		foreign := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		}
		if key == "" || strings.ContainsFunc(key, foreign) {
			return invalidArgument("0011-00000004", "The name of a user metadata header contains invalid characters.",
				strings.ToLower(name), "")
		}
		total += len(name)
		for _, v := range values {
			total += len(v)
		}
	}
	if total >= 8<<10 {
		return refuse(http.StatusBadRequest, "InvalidArgument", "0011-00000002",
			"The total size of the user metadata must be less than 8 KB.",
			"ArgumentName", "x-oss-meta", "ArgumentValue", strconv.Itoa(total))
	}
	return nil
}

// forbidOverwrite returns the value of x-oss-forbid-overwrite.
func (x *exchange) forbidOverwrite() (bool, error) {
	const name = "x-oss-forbid-overwrite"
	switch value := x.r.Header.Get(name); value {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalidArgument("0017-00000279", "The "+name+" header must be true or false.", name, value)
	}
}
