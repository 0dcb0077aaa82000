package osstest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"
)

// A version ID is opaque to clients. Behind its base64, in the recorded ones, is a message of four
// fields: 1, a small number, a stamp, which is the time in milliseconds shifted left by twenty bits
// and a small number in these, and 32 hex digits. Ours are of the same form and length.
const (
	versionHead  = "\x08\x01\x10\x8a\x01\x18" // fields 1 and 2 as recorded, and what begins field 3
	versionShift = 20
)

// versionEncoding has no character that would have to be escaped in a URL.
var versionEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._").WithPadding('-')

// version returns the ID of a version that is newer than the one stamped with after.
func (i *ids) version(now time.Time, after uint64) string {
	stamp := max(uint64(now.UnixMilli())<<versionShift, after) + 1
	b := binary.AppendUvarint([]byte(versionHead), stamp)
	b = append(b, 4<<3|2, 32) // field 4, of 32 bytes
	b = fmt.Appendf(b, "%016x%016x", i.next(), i.next())
	return versionEncoding.EncodeToString(b)
}

// stampOf returns the stamp in a version ID, or 0 if there is none, as in "null".
func stampOf(id string) uint64 {
	b, err := versionEncoding.DecodeString(id)
	if err != nil || !bytes.HasPrefix(b, []byte(versionHead)) {
		return 0
	}
	stamp, _ := binary.Uvarint(b[len(versionHead):])
	return stamp
}

// checkVersion refuses what cannot be the ID of a version; "" stands for the newest.
func checkVersion(id string) error {
	if id == "" || id == nullVersion {
		return nil
	}
	if b, err := versionEncoding.DecodeString(id); err == nil && bytes.HasPrefix(b, []byte(versionHead[:3])) {
		return nil // that of a real OSS, which never was here, has another number behind
	}
	return invalidArgument("0012-00000202", "Invalid version id specified", "VersionId", id)
}

// version returns the parameter versionId, "" if there is none.
//
// See https://help.aliyun.com/en/oss/user-guide/0012-00000201 for one without a value.
func (x *exchange) version() (string, error) {
	id := x.query.Get("versionId")
	if id == "" && x.query.Has("versionId") {
		return "", invalidArgument("0012-00000201", "Version id must not be empty", "VersionId", "")
	}
	return id, checkVersion(id)
}

// openVersion returns an object, retained: that version, or without an ID what is current. The ways
// in which there can be none differ.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (x *exchange) openVersion(n name, version string) (*object, error) {
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	o, ok := x.objects.open(n, version)
	switch {
	case !ok && version == "":
		return nil, noSuchKey(n.key)
	case !ok:
		return nil, refuse(http.StatusNotFound, "NoSuchVersion", "0012-00000203",
			"The specified version does not exist.", "Key", n.key, "VersionId", version)
	case !o.marker:
		return o, nil
	}
	refused := noSuchKey(n.key)
	refused.header = make(http.Header)
	if version != "" {
		refused = refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "0003-00000016",
			"The specified method is not allowed against this resource.", "Method", x.r.Method, "ResourceType", "DeleteMarker")
		refused.header = http.Header{"Allow": {http.MethodDelete}}
	}
	x.setMarker(refused.header, o)
	return nil, refused
}

// setVersion says which version o is, in a bucket that has versions or had them.
func (x *exchange) setVersion(h http.Header, o *object) {
	if x.objects.bucket(o.bucket).Versioning != "" {
		h.Set("x-oss-version-id", o.version)
	}
}

// setSource says which version was copied from.
func (x *exchange) setSource(h http.Header, src *object) {
	if x.objects.bucket(src.bucket).Versioning != "" {
		h.Set("x-oss-copy-source-version-id", src.version)
	}
}

// setMarker says that o is a delete marker.
func (x *exchange) setMarker(h http.Header, o *object) {
	h.Set("x-oss-delete-marker", "true")
	x.setVersion(h, o)
}
