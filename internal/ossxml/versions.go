package ossxml

import "encoding/xml"

// A VersioningConfiguration is the body of PutBucketVersioning and the reply to GetBucketVersioning.
type VersioningConfiguration struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Status  string   `xml:"Status,omitempty"` // "Enabled" or "Suspended"
}

// VersionList is the reply to ListObjectVersions.
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

// A Version is one entry of a VersionList. OSS mixes two kinds, sorted by key: the name of the element is Version or
// DeleteMarker. The last element of a DeleteMarker is its Owner.
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
