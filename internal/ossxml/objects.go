package ossxml

import "encoding/xml"

// ObjectList is the reply to ListObjects.
type ObjectList struct {
	XMLName        xml.Name       `xml:"ListBucketResult"`
	EncodingType   string         `xml:"EncodingType,omitempty"`
	Name           string         `xml:"Name"`
	Prefix         string         `xml:"Prefix"`
	Marker         string         `xml:"Marker"`
	MaxKeys        int            `xml:"MaxKeys"`
	Delimiter      string         `xml:"Delimiter"`
	IsTruncated    bool           `xml:"IsTruncated"`
	NextMarker     string         `xml:"NextMarker,omitempty"` // not on the last page
	Contents       []Object       `xml:"Contents"`
	CommonPrefixes []CommonPrefix `xml:"CommonPrefixes"`
}

// ObjectListV2 is the reply to ListObjectsV2.
type ObjectListV2 struct {
	XMLName               xml.Name       `xml:"ListBucketResult"`
	EncodingType          string         `xml:"EncodingType,omitempty"`
	Name                  string         `xml:"Name"`
	Prefix                string         `xml:"Prefix"`
	StartAfter            string         `xml:"StartAfter,omitempty"`
	ContinuationToken     string         `xml:"ContinuationToken,omitempty"`
	MaxKeys               int            `xml:"MaxKeys"`
	Delimiter             string         `xml:"Delimiter"`
	IsTruncated           bool           `xml:"IsTruncated"`
	NextContinuationToken string         `xml:"NextContinuationToken,omitempty"` // not on the last page
	Contents              []Object       `xml:"Contents"`
	CommonPrefixes        []CommonPrefix `xml:"CommonPrefixes"`
	KeyCount              int            `xml:"KeyCount"` // number of Contents and CommonPrefixes
}

// An Object is one entry of an ObjectList or an ObjectListV2.
type Object struct {
	Key          string `xml:"Key"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Type         string `xml:"Type"`
	Size         int64  `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
	Owner        *Owner `xml:"Owner"`
	RestoreInfo  string `xml:"RestoreInfo,omitempty"` // value of the header x-oss-restore
}

// Delete is the body of DeleteMultipleObjects.
type Delete struct {
	XMLName xml.Name       `xml:"Delete"`
	Quiet   bool           `xml:"Quiet"`
	Objects []DeleteObject `xml:"Object"`
}

// A DeleteObject is an object, or a version of one, to delete.
type DeleteObject struct {
	Key       string `xml:"Key"`
	VersionID string `xml:"VersionId,omitempty"`
}

// Deleted is the reply to DeleteMultipleObjects.
type Deleted struct {
	XMLName      xml.Name        `xml:"DeleteResult"`
	EncodingType string          `xml:"EncodingType,omitempty"`
	Objects      []DeletedObject `xml:"Deleted"`
}

// A DeletedObject is one entry of Deleted.
type DeletedObject struct {
	Key                   string `xml:"Key"`
	VersionID             string `xml:"VersionId,omitempty"` // as in the request
	DeleteMarker          bool   `xml:"DeleteMarker,omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

// Tagging is the reply to GetObjectTagging and the body of PutObjectTagging.
type Tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Set     TagSet   `xml:"TagSet"`
}

// A TagSet is the list of tags. OSS writes its element even if it is empty.
type TagSet struct {
	Tags []Tag `xml:"Tag"`
}

// A Tag is one tag of an object.
type Tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// Text returns d as an element, without indentation.
func (d DeleteObject) Text() string {
	text := "<Object><Key>" + escapeText(d.Key) + "</Key>"
	if d.VersionID != "" {
		text += "<VersionId>" + escapeText(d.VersionID) + "</VersionId>"
	}
	return text + "</Object>"
}
