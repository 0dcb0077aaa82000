package ossxml

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These are recorded replies of the service, with other names in them, or follow the documentation
// where none was recorded.
func TestDocumentsOfBucketsAndListsSurviveByteForByte(t *testing.T) {
	owner := "<Owner><ID>1</ID><DisplayName>1</DisplayName></Owner>"
	contents := `<Contents><Key>k</Key><LastModified>2026-05-21T03:17:54.000Z</LastModified><ETag>"D7"</ETag>` +
		"<Type>Normal</Type><Size>29</Size><StorageClass>Standard</StorageClass>"
	for _, tt := range []struct {
		name, want string
		doc        any
	}{
		{"ListBuckets",
			"<ListAllMyBucketsResult>" + owner + "<Buckets><Bucket><Comment></Comment>" +
				"<CreationDate>2025-04-04T06:05:48.000Z</CreationDate>" +
				"<ExtranetEndpoint>e</ExtranetEndpoint><IntranetEndpoint>i</IntranetEndpoint>" +
				"<Location>oss-cn-shanghai</Location><Name>n</Name>" +
				"<Region>cn-shanghai</Region><StorageClass>Standard</StorageClass></Bucket></Buckets>" +
				"</ListAllMyBucketsResult>", new(BucketList)},
		{"page of ListBuckets",
			"<ListAllMyBucketsResult><Prefix>p</Prefix><Marker>m</Marker><MaxKeys>1</MaxKeys><IsTruncated>true" +
				"</IsTruncated>" +
				"<NextMarker>n</NextMarker>" + owner + "<Buckets></Buckets></ListAllMyBucketsResult>", new(BucketList)},
		{"ListObjects",
			"<ListBucketResult><Name>b</Name><Prefix></Prefix><Marker></Marker><MaxKeys>2</MaxKeys><Delimiter>-" +
				"</Delimiter>" +
				"<IsTruncated>true</IsTruncated><NextMarker>n</NextMarker>" + contents + owner + "</Contents>" +
				"<CommonPrefixes><Prefix>p-</Prefix></CommonPrefixes></ListBucketResult>", new(ObjectList)},
		{"ListObjectsV2",
			"<ListBucketResult><EncodingType>url</EncodingType><Name>b</Name><Prefix></Prefix><StartAfter>s" +
				"</StartAfter><ContinuationToken>c</ContinuationToken>" +
				"<MaxKeys>2</MaxKeys><Delimiter></Delimiter><IsTruncated>true</IsTruncated>" +
				"<NextContinuationToken>n</NextContinuationToken>" +
				contents + "</Contents><KeyCount>1</KeyCount></ListBucketResult>", new(ObjectListV2)},
		{"DeleteMultipleObjects",
			"<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a</Key><VersionId>v</VersionId></Deleted>" +
				"<Deleted><Key>b</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m" +
				"</DeleteMarkerVersionId></Deleted></DeleteResult>", new(Deleted)},
		{"tags", "<Tagging><TagSet><Tag><Key>tag3</Key><Value>value3</Value></Tag></TagSet></Tagging>", new(Tagging)},
		{"no tags", "<Tagging><TagSet></TagSet></Tagging>", new(Tagging)},
		{"ACL", "<AccessControlPolicy>" + owner + "<AccessControlList><Grant>private</Grant></AccessControlList>" +
			"</AccessControlPolicy>", new(AccessControl)},
		{"location", "<LocationConstraint>oss-cn-hangzhou</LocationConstraint>", new(BucketLocation)},
		{"PutBucket",
			"<CreateBucketConfiguration><LocationConstraint>l</LocationConstraint><StorageClass>IA</StorageClass>" +
				"<DataRedundancyType>ZRS</DataRedundancyType></CreateBucketConfiguration>", new(BucketConfiguration)},
		{"a list to delete",
			"<Delete><Quiet>true</Quiet><Object><Key>a</Key><VersionId>v</VersionId></Object></Delete>", new(Delete)},
	} {
		if err := Decode(strings.NewReader(tt.want), tt.doc); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got, err := xml.Marshal(tt.doc)
		if diff := cmp.Diff(tt.want, plainQuotes.Replace(string(got))); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}
