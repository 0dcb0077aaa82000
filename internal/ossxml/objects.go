package ossxml

import "encoding/xml"

// ObjectList answers ListObjects.
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

// ObjectListV2 answers ListObjectsV2.
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
	KeyCount              int            `xml:"KeyCount"` // common prefixes are counted too
}

// An Object is one line of an ObjectList or an ObjectListV2.
type Object struct {
	Key          string `xml:"Key"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Type         string `xml:"Type"`
	Size         int64  `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
	Owner        *Owner `xml:"Owner"`
	RestoreInfo  string `xml:"RestoreInfo,omitempty"` // as in x-oss-restore
}

// Delete is the body of DeleteMultipleObjects.
type Delete struct {
	XMLName xml.Name       `xml:"Delete"`
	Quiet   bool           `xml:"Quiet"`
	Objects []DeleteObject `xml:"Object"`
}

// A DeleteObject names an object to delete, or a version of one.
type DeleteObject struct {
	Key       string `xml:"Key"`
	VersionID string `xml:"VersionId,omitempty"`
}

// Deleted answers DeleteMultipleObjects.
type Deleted struct {
	XMLName      xml.Name        `xml:"DeleteResult"`
	EncodingType string          `xml:"EncodingType,omitempty"`
	Objects      []DeletedObject `xml:"Deleted"`
}

// A DeletedObject is one line of Deleted.
type DeletedObject struct {
	Key                   string `xml:"Key"`
	VersionID             string `xml:"VersionId,omitempty"` // as it was named
	DeleteMarker          bool   `xml:"DeleteMarker,omitempty"`
	DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
}

// Tagging answers GetObjectTagging, and is the body of PutObjectTagging.
type Tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Set     TagSet   `xml:"TagSet"`
}

// A TagSet is there even if it is empty.
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
