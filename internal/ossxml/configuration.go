package ossxml

import "encoding/xml"

// CORSConfiguration is the body of PutBucketCors, and answers GetBucketCors.
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

// EncryptionRule is the body of PutBucketEncryption, and answers GetBucketEncryption.
type EncryptionRule struct {
	XMLName xml.Name          `xml:"ServerSideEncryptionRule" json:",omitzero"`
	Default EncryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
}

// EncryptionDefault is how objects are encrypted that do not say it themselves.
type EncryptionDefault struct {
	SSEAlgorithm      string `xml:"SSEAlgorithm"`
	KMSMasterKeyID    string `xml:"KMSMasterKeyID,omitempty" json:",omitempty"`
	KMSDataEncryption string `xml:"KMSDataEncryption,omitempty" json:",omitempty"`
}

// LifecycleConfiguration is the body of PutBucketLifecycle, and answers GetBucketLifecycle.
type LifecycleConfiguration struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration" json:",omitzero"`
	Rules   []LifecycleRule `xml:"Rule"`
}

// A LifecycleRule is one rule of a LifecycleConfiguration. Numbers of days are zero, and dates empty, if
// they are not given.
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

// A LifecycleFilter narrows down what a rule applies to.
type LifecycleFilter struct {
	Not                   []LifecycleNot `xml:"Not" json:",omitempty"`
	ObjectSizeGreaterThan *int64         `xml:"ObjectSizeGreaterThan" json:",omitempty"`
	ObjectSizeLessThan    *int64         `xml:"ObjectSizeLessThan" json:",omitempty"`
}

// A LifecycleNot is what a rule does not apply to.
type LifecycleNot struct {
	Prefix string `xml:"Prefix"`
	Tag    *Tag   `xml:"Tag" json:",omitempty"`
}

// LifecycleExpiration says when objects are deleted.
type LifecycleExpiration struct {
	Days                      int    `xml:"Days,omitempty" json:",omitempty"`
	Date                      string `xml:"Date,omitempty" json:",omitempty"`
	CreatedBeforeDate         string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
	ExpiredObjectDeleteMarker *bool  `xml:"ExpiredObjectDeleteMarker" json:",omitempty"`
}

// A LifecycleTransition says when objects change their storage class.
type LifecycleTransition struct {
	Days                 int    `xml:"Days,omitempty" json:",omitempty"`
	CreatedBeforeDate    string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
	StorageClass         string `xml:"StorageClass"`
	IsAccessTime         *bool  `xml:"IsAccessTime" json:",omitempty"`
	ReturnToStdWhenVisit *bool  `xml:"ReturnToStdWhenVisit" json:",omitempty"`
	AllowSmallFile       *bool  `xml:"AllowSmallFile" json:",omitempty"`
}

// LifecycleAbort says when unfinished uploads are aborted.
type LifecycleAbort struct {
	Days              int    `xml:"Days,omitempty" json:",omitempty"`
	CreatedBeforeDate string `xml:"CreatedBeforeDate,omitempty" json:",omitempty"`
}

// NoncurrentExpiration says when versions are deleted that are not the newest.
type NoncurrentExpiration struct {
	NoncurrentDays int `xml:"NoncurrentDays"`
}

// A NoncurrentTransition says when versions that are not the newest change their storage class.
type NoncurrentTransition struct {
	NoncurrentDays       int    `xml:"NoncurrentDays"`
	StorageClass         string `xml:"StorageClass"`
	IsAccessTime         *bool  `xml:"IsAccessTime" json:",omitempty"`
	ReturnToStdWhenVisit *bool  `xml:"ReturnToStdWhenVisit" json:",omitempty"`
	AllowSmallFile       *bool  `xml:"AllowSmallFile" json:",omitempty"`
}

// RestoreRequest is the body of RestoreObject. Days is a text, as any may be sent.
type RestoreRequest struct {
	XMLName xml.Name `xml:"RestoreRequest"`
	Days    string   `xml:"Days,omitempty"`
	Job     *Job     `xml:"JobParameters"`
}

// A Job says how fast an object is to be restored: Expedited, Standard or Bulk.
type Job struct {
	Tier string `xml:"Tier"`
}

// Posted answers PostObject, if it was asked for 201.
type Posted struct {
	XMLName  xml.Name `xml:"PostResponse"`
	Bucket   string   `xml:"Bucket"`
	ETag     string   `xml:"ETag"`
	Location string   `xml:"Location"`
	Key      string   `xml:"Key,omitempty"`
}
