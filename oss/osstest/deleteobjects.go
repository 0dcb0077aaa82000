package osstest

import (
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// Limits of the documents of requests.
const (
	maxDocument = 64 << 10
	maxDelete   = 2 << 20 // https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects
	maxDeletes  = 1000    // objects in one request
)

// deleteObjects is DeleteMultipleObjects. It needs a Content-MD5. One invalid key makes it refuse the whole list.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletemultipleobjects
func (x *exchange) deleteObjects() (*reply, error) {
	if x.r.Header.Get("Content-MD5") == "" {
		return nil, missingArgument("Content-MD5")
	}
	body, err := x.readBody(maxDelete)
	if err != nil {
		return nil, err
	}
	var doc ossxml.Delete
	err = ossxml.DecodeControl(body.Bytes(), &doc)
	if n := len(doc.Objects); err != nil || n == 0 || n > maxDeletes {
		return nil, malformedXML()
	}
	for _, d := range doc.Objects {
		if err := checkKey(d.Key); err != nil {
			return nil, err
		}
		if err := checkVersion(d.VersionID); err != nil {
			return nil, err
		}
	}
	done := ossxml.Deleted{EncodingType: x.encoding()}
	for _, d := range doc.Objects {
		line, err := x.delete(d)
		if err != nil {
			return nil, err
		}
		done.Objects = append(done.Objects, line)
	}
	if doc.Quiet {
		return newReply(http.StatusOK), nil
	}
	return xmlReply(http.StatusOK, done), nil
}

// delete deletes one object of a list. An object that does not exist counts as deleted.
func (x *exchange) delete(d ossxml.DeleteObject) (ossxml.DeletedObject, error) {
	line := ossxml.DeletedObject{Key: x.encode(d.Key), VersionID: d.VersionID}
	o, err := x.objects.Remove(store.Name{Bucket: x.bucket, Key: d.Key}, d.VersionID, x.now())
	if err == nil && o != nil && o.DeleteMarker {
		line.DeleteMarker, line.DeleteMarkerVersionID = true, o.VersionID
	}
	return line, err
}
