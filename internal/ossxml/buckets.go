package ossxml

import "encoding/xml"

// An Owner is an account. OSS writes its ID as its display name too.
type Owner struct {
	ID          string `xml:"ID"`
	DisplayName string `xml:"DisplayName"`
}

// BucketConfiguration is the body of PutBucket.
type BucketConfiguration struct {
	XMLName      xml.Name `xml:"CreateBucketConfiguration"`
	Location     string   `xml:"LocationConstraint,omitempty"`
	StorageClass string   `xml:"StorageClass,omitempty"`
	Redundancy   string   `xml:"DataRedundancyType,omitempty"`
}

// BucketList is the reply to ListBuckets. OSS omits the elements before Owner if the reply has all buckets.
type BucketList struct {
	XMLName     xml.Name  `xml:"ListAllMyBucketsResult"`
	Prefix      string    `xml:"Prefix,omitempty"`
	Marker      string    `xml:"Marker,omitempty"`
	MaxKeys     int       `xml:"MaxKeys,omitempty"`
	IsTruncated *bool     `xml:"IsTruncated"`
	NextMarker  string    `xml:"NextMarker,omitempty"`
	Owner       Owner     `xml:"Owner"`
	Buckets     BucketSet `xml:"Buckets"`
}

// A BucketSet is the list of buckets. OSS writes its element even if it is empty.
type BucketSet struct {
	Buckets []BucketEntry `xml:"Bucket"`
}

// A BucketEntry is one entry of a BucketList.
type BucketEntry struct {
	Comment          string `xml:"Comment"`
	CreationDate     Time   `xml:"CreationDate"`
	ExtranetEndpoint string `xml:"ExtranetEndpoint"`
	IntranetEndpoint string `xml:"IntranetEndpoint"`
	Location         string `xml:"Location"` // the region with the prefix "oss-"
	Name             string `xml:"Name"`
	Region           string `xml:"Region"`
	StorageClass     string `xml:"StorageClass"`
}

// BucketInfo is the reply to GetBucketInfo.
type BucketInfo struct {
	XMLName xml.Name      `xml:"BucketInfo"`
	Bucket  BucketDetails `xml:"Bucket"`
}

// BucketDetails describes a bucket.
type BucketDetails struct {
	AccessMonitor          string `xml:"AccessMonitor"`
	BlockPublicAccess      bool   `xml:"BlockPublicAccess"`
	Comment                string `xml:"Comment"`
	CreationDate           Time   `xml:"CreationDate"`
	CrossRegionReplication string `xml:"CrossRegionReplication"`
	Redundancy             string `xml:"DataRedundancyType"`
	ExtranetEndpoint       string `xml:"ExtranetEndpoint"`
	IntranetEndpoint       string `xml:"IntranetEndpoint"`
	Location               string `xml:"Location"`
	Name                   string `xml:"Name"`
	StorageClass           string `xml:"StorageClass"`
	TransferAcceleration   string `xml:"TransferAcceleration"`
	Versioning             string `xml:"Versioning,omitempty"`
	Owner                  Owner  `xml:"Owner"`
	Grant                  string `xml:"AccessControlList>Grant"`
	SSEAlgorithm           string `xml:"ServerSideEncryptionRule>SSEAlgorithm"`
	KMSMasterKeyID         string `xml:"ServerSideEncryptionRule>KMSMasterKeyID,omitempty"`
	KMSDataEncryption      string `xml:"ServerSideEncryptionRule>KMSDataEncryption,omitempty"`
	LogBucket              string `xml:"BucketPolicy>LogBucket"`
	LogPrefix              string `xml:"BucketPolicy>LogPrefix"`
}

// BucketLocation is the reply to GetBucketLocation: the region with the prefix "oss-".
type BucketLocation struct {
	XMLName  xml.Name `xml:"LocationConstraint"`
	Location string   `xml:",chardata"`
}

// AccessControl is the reply to GetBucketAcl and GetObjectACL.
type AccessControl struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Owner   Owner    `xml:"Owner"`
	Grant   string   `xml:"AccessControlList>Grant"`
}

// BucketStat is the reply to GetBucketStat. Sizes are in bytes.
type BucketStat struct {
	XMLName                     xml.Name `xml:"BucketStat"`
	Storage                     int64    `xml:"Storage"`
	ObjectCount                 int      `xml:"ObjectCount"`
	MultipartUploadCount        int      `xml:"MultipartUploadCount"`
	LiveChannelCount            int      `xml:"LiveChannelCount"`
	LastModifiedTime            int64    `xml:"LastModifiedTime"` // seconds since 1970
	StandardStorage             int64    `xml:"StandardStorage"`
	StandardObjectCount         int      `xml:"StandardObjectCount"`
	InfrequentAccessStorage     int64    `xml:"InfrequentAccessStorage"`
	InfrequentAccessRealStorage int64    `xml:"InfrequentAccessRealStorage"`
	InfrequentAccessObjectCount int      `xml:"InfrequentAccessObjectCount"`
	ArchiveStorage              int64    `xml:"ArchiveStorage"`
	ArchiveRealStorage          int64    `xml:"ArchiveRealStorage"`
	ArchiveObjectCount          int      `xml:"ArchiveObjectCount"`
	ColdArchiveStorage          int64    `xml:"ColdArchiveStorage"`
	ColdArchiveRealStorage      int64    `xml:"ColdArchiveRealStorage"`
	ColdArchiveObjectCount      int      `xml:"ColdArchiveObjectCount"`
	DeepColdArchiveStorage      int64    `xml:"DeepColdArchiveStorage"`
	DeepColdArchiveRealStorage  int64    `xml:"DeepColdArchiveRealStorage"`
	DeepColdArchiveObjectCount  int      `xml:"DeepColdArchiveObjectCount"`
	MultipartPartCount          int      `xml:"MultipartPartCount"`
	DeleteMarkerCount           int      `xml:"DeleteMarkerCount"`
}

// LiveChannelList is the reply to ListLiveChannel for a bucket without live channels.
type LiveChannelList struct {
	XMLName     xml.Name `xml:"ListLiveChannelResult"`
	Prefix      string   `xml:"Prefix"`
	Marker      string   `xml:"Marker"`
	MaxKeys     int      `xml:"MaxKeys"`
	IsTruncated bool     `xml:"IsTruncated"`
}
