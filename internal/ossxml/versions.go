package ossxml

import "encoding/xml"

// A VersioningConfiguration is the body of PutBucketVersioning and answers GetBucketVersioning.
type VersioningConfiguration struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Status  string   `xml:"Status,omitempty"` // "Enabled" or "Suspended"
}

// VersionList answers ListObjectVersions.
type VersionList struct {
	XMLName             xml.Name       `xml:"ListVersionsResult"`
	EncodingType        string         `xml:"EncodingType,omitempty"`
	Name                string         `xml:"Name"`
	Prefix              string         `xml:"Prefix"`
	KeyMarker           string         `xml:"KeyMarker"`
	VersionIDMarker     string         `xml:"VersionIdMarker"`
	MaxKeys             int            `xml:"MaxKeys"`
	Delimiter           string         `xml:"Delimiter"`
	IsTruncated         bool           `xml:"IsTruncated"`
	NextKeyMarker       string         `xml:"NextKeyMarker,omitempty"`
	NextVersionIDMarker string         `xml:"NextVersionIdMarker,omitempty"`
	CommonPrefixes      []CommonPrefix `xml:"CommonPrefixes"`
	Versions            []Version      `xml:",any"`
}

// A Version is one line of a VersionList. The service mixes the two kinds, in the order of keys:
// the element is called Version or DeleteMarker, and a DeleteMarker ends with its owner.
type Version struct {
	XMLName      xml.Name
	Key          string `xml:"Key"`
	VersionID    string `xml:"VersionId"`
	IsLatest     bool   `xml:"IsLatest"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag,omitempty"`
	Type         string `xml:"Type,omitempty"`
	Size         *int64 `xml:"Size"`
	StorageClass string `xml:"StorageClass,omitempty"`
	Owner        *Owner `xml:"Owner"`
}
