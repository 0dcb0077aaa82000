package osstest

import (
	"net/http"

	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// checkVersion refuses a malformed version ID. "" means the newest version.
func checkVersion(id string) error {
	if id == "" || id == store.NullVersion {
		return nil
	}
	if store.IsVersionID(id) {
		return nil
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

// openVersion returns a version of an object, or the newest one without an ID. The caller releases its content. The
// error depends on whether the object, the version, or only a delete marker was found.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (x *exchange) openVersion(n store.Name, version string) (*store.Object, error) {
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	o, ok := x.objects.Open(n, version)
	switch {
	case !ok && version == "":
		return nil, noSuchKey(n.Key)
	case !ok:
		return nil, refuse(http.StatusNotFound, "NoSuchVersion", "0012-00000203",
			"The specified version does not exist.", "Key", n.Key, "VersionId", version)
	case !o.DeleteMarker:
		return o, nil
	}
	refused := noSuchKey(n.Key)
	refused.header = make(http.Header)
	if version != "" {
		refused = refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "0003-00000016",
			"The specified method is not allowed against this resource.", "Method", x.r.Method,
			"ResourceType", "DeleteMarker")
		refused.header = http.Header{"Allow": {http.MethodDelete}}
	}
	x.setDeleteMarker(refused.header, o)
	return nil, refused
}

// setVersion sets the header with the version of o, if its bucket has or had versions.
func (x *exchange) setVersion(h http.Header, o *store.Object) {
	if x.objects.Bucket(o.Bucket).Versioning != "" {
		h.Set("x-oss-version-id", o.VersionID)
	}
}

// setSourceVersion sets the header with the version that was copied.
func (x *exchange) setSourceVersion(h http.Header, src *store.Object) {
	if x.objects.Bucket(src.Bucket).Versioning != "" {
		h.Set("x-oss-copy-source-version-id", src.VersionID)
	}
}

// setDeleteMarker sets the headers of a delete marker.
func (x *exchange) setDeleteMarker(h http.Header, o *store.Object) {
	h.Set("x-oss-delete-marker", "true")
	x.setVersion(h, o)
}
