package ossxml

import "encoding/xml"

// CORSConfiguration is the body of PutBucketCors and the reply to GetBucketCors.
type CORSConfiguration struct {
	XMLName      xml.Name   `xml:"CORSConfiguration" json:",omitzero"`
	Rules        []CORSRule `xml:"CORSRule"`
	ResponseVary *bool      `xml:"ResponseVary" json:",omitempty"`
}

// A CORSRule is one rule of a CORSConfiguration.
type CORSRule struct {
	AllowedOrigins []string `xml:"AllowedOrigin" json:",omitempty"`
	AllowedMethods []string `xml:"AllowedMethod" json:",omitempty"`
	AllowedHeaders []string `xml:"AllowedHeader" json:",omitempty"`
	ExposeHeaders  []string `xml:"ExposeHeader" json:",omitempty"`
	MaxAgeSeconds  *int64   `xml:"MaxAgeSeconds" json:",omitempty"`
}

// EncryptionRule is the body of PutBucketEncryption and the reply to GetBucketEncryption.
type EncryptionRule struct {
	XMLName xml.Name          `xml:"ServerSideEncryptionRule" json:",omitzero"`
	Default EncryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
}

// EncryptionDefault is the encryption of objects whose request does not set one.
type EncryptionDefault struct {
	SSEAlgorithm      string `xml:"SSEAlgorithm"`
	KMSMasterKeyID    string `xml:"KMSMasterKeyID,omitempty" json:",omitempty"`
	KMSDataEncryption string `xml:"KMSDataEncryption,omitempty" json:",omitempty"`
}

// LifecycleConfiguration is the body of PutBucketLifecycle and the reply to GetBucketLifecycle.
type LifecycleConfiguration struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration" json:",omitzero"`
	Rules   []LifecycleRule `xml:"Rule"`
}

// A LifecycleRule is one rule of a LifecycleConfiguration. Numbers of days that are not set are zero, and dates are "".
type LifecycleRule struct {
	ID                    string                 `xml:"ID"`
	Prefix                string                 `xml:"Prefix"`
	Status                string                 `xml:"Status"`
	Tags                  []Tag                  `xml:"Tag" json:",omitempty"`
	Filter                *LifecycleFilter       `xml:"Filter" json:",omitempty"`
	Expiration            *LifecycleExpiration   `xml:"Expiration" json:",omitempty"`
	Transitions           []LifecycleTransition  `xml:"Transition" json:",omitempty"`
	AbortMultipartUpload  *LifecycleAbort        `xml:"AbortMultipartUpload" json:",omitempty"`
	NoncurrentExpiration  *NoncurrentExpiration  `xml:"NoncurrentVersionExpiration" json:",omitempty"`
	NoncurrentTransitions []NoncurrentTransition `xml:"NoncurrentVersionTransition" json:",omitempty"`
}

// A LifecycleFilter restricts a rule to some of the objects.
type LifecycleFilter struct {
	Not                   []LifecycleNot `xml:"Not" json:",omitempty"`
	ObjectSizeGreaterThan *int64         `xml:"ObjectSizeGreaterThan" json:",omitempty"`
	ObjectSizeLessThan    *int64         `xml:"ObjectSizeLessThan" json:",omitempty"`
}

// A LifecycleNot excludes objects from a rule.
type LifecycleNot struct {
	Prefix string `xml:"Prefix"`
	Tag    *Tag   `xml:"Tag" json:",omitempty"`
}

// LifecycleExpiration is when objects are deleted.
type LifecycleExpiration struct {
	Days                      int    `xml:"Days,omitempty" json:",omitempty"`
	Date                      string `xml:"Date,omitempty" json:",omitempty"`
	CreatedBeforeDate         string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
	ExpiredObjectDeleteMarker *bool  `xml:"ExpiredObjectDeleteMarker" json:",omitempty"`
}

// A LifecycleTransition is when objects change their storage class.
type LifecycleTransition struct {
	Days                 int    `xml:"Days,omitempty" json:",omitempty"`
	CreatedBeforeDate    string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
	StorageClass         string `xml:"StorageClass"`
	IsAccessTime         *bool  `xml:"IsAccessTime" json:",omitempty"`
	ReturnToStdWhenVisit *bool  `xml:"ReturnToStdWhenVisit" json:",omitempty"`
	AllowSmallFile       *bool  `xml:"AllowSmallFile" json:",omitempty"`
}

// LifecycleAbort is when unfinished uploads are aborted.
type LifecycleAbort struct {
	Days              int    `xml:"Days,omitempty" json:",omitempty"`
	CreatedBeforeDate string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
}

// NoncurrentExpiration is when noncurrent versions are deleted.
type NoncurrentExpiration struct {
	NoncurrentDays int `xml:"NoncurrentDays"`
}

// A NoncurrentTransition is when noncurrent versions change their storage class.
type NoncurrentTransition struct {
	NoncurrentDays       int    `xml:"NoncurrentDays"`
	StorageClass         string `xml:"StorageClass"`
	IsAccessTime         *bool  `xml:"IsAccessTime" json:",omitempty"`
	ReturnToStdWhenVisit *bool  `xml:"ReturnToStdWhenVisit" json:",omitempty"`
	AllowSmallFile       *bool  `xml:"AllowSmallFile" json:",omitempty"`
}

// RestoreRequest is the body of RestoreObject. Days is a string because clients may send any text.
type RestoreRequest struct {
	XMLName xml.Name `xml:"RestoreRequest"`
	Days    string   `xml:"Days,omitempty"`
	Job     *Job     `xml:"JobParameters"`
}

// A Job is the priority of a restoration: Expedited, Standard or Bulk.
type Job struct {
	Tier string `xml:"Tier"`
}

// Posted is the reply to PostObject if the form asks for status 201.
type Posted struct {
	XMLName  xml.Name `xml:"PostResponse"`
	Bucket   string   `xml:"Bucket"`
	ETag     string   `xml:"ETag"`
	Location string   `xml:"Location"`
	Key      string   `xml:"Key,omitempty"`
}
