package osstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// H 21: what a bucket says of new objects holds for every way to make one.
func TestNewObjectsInheritClassAndEncryptionOfTheirBucket(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT made", "ok", "body",
		"<CreateBucketConfiguration><StorageClass>IA</StorageClass></CreateBucketConfiguration>")
	wants(t, srv, "PUT made?encryption", "ok", "body",
		"<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>KMS</SSEAlgorithm>"+
			"<KMSMasterKeyID>1234</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>")
	var begun ossxml.Initiated
	decode(t, send(t, srv, call{method: "POST", bucket: "made", key: "parts", query: "uploads"}), &begun)
	part := send(t, srv, call{method: "PUT", bucket: "made", key: "parts", query: "partNumber=1&uploadId=" +
		begun.UploadID, body: "p"})
	send(t, srv, call{method: "POST", bucket: "made", key: "parts", query: "uploadId=" + begun.UploadID,
		body: partList(1, part.header.Get("ETag"))})
	put := send(t, srv, call{method: "PUT", bucket: "made", key: "put", body: "p"})
	for what, h := range map[string]*answer{
		"UploadPart": part, "PutObject": put,
		"AppendObject": send(t, srv, call{method: "POST", bucket: "made", key: "append", query: "append&position=0",
			body: "p"}),
		"CopyObject": send(t, srv, call{method: "PUT", bucket: "made", key: "copy",
			header: map[string]string{"x-oss-copy-source": "/made/put"}}),
	} {
		if got := h.header.Get("x-oss-server-side-encryption") + " " +
			h.header.Get("x-oss-server-side-encryption-key-id"); got != "KMS 1234" {
			t.Errorf("%s tells the encryption %q", what, got)
		}
	}
	for _, key := range []string{"parts", "put", "append", "copy"} {
		_, h, err := ask(t, srv, "HEAD made/"+key)
		got := fmt.Sprint(h.Get("x-oss-storage-class"), " ", h.Get("x-oss-server-side-encryption"), " ",
			h.Get("x-oss-server-side-encryption-key-id"))
		if got != "IA KMS 1234" || err != nil {
			t.Errorf("%s is %s, %v", key, got, err)
		}
	}
	wants(t, srv, "PUT made/own", "ok", "x-oss-storage-class", "Standard", "x-oss-server-side-encryption", "AES256")
	_, h, _ := ask(t, srv, "HEAD made/own")
	if got := h.Get("x-oss-storage-class") + h.Get("x-oss-server-side-encryption") +
		h.Get("x-oss-server-side-encryption-key-id"); got != "StandardAES256" {
		t.Errorf("an object that says it itself is %s", got)
	}
	var stat ossxml.BucketStat
	read(t, srv, "GET made?stat", &stat)
	if stat.InfrequentAccessObjectCount != 4 || stat.StandardObjectCount != 1 {
		t.Errorf("GetBucketStat = %+v", stat)
	}
}

func TestBucketsHaveTheClassOfOptions(t *testing.T) {
	srv := start(t, &osstest.Options{StorageClass: "ColdArchive"})
	wants(t, srv, "PUT any/key", "ok")
	wants(t, srv, "PUT own", "ok", "body",
		"<CreateBucketConfiguration><StorageClass>Standard</StorageClass></CreateBucketConfiguration>")
	wants(t, srv, "PUT own/key", "ok")
	for bucket, want := range map[string]string{"any": "ColdArchive", "own": "Standard"} {
		var info ossxml.BucketInfo
		read(t, srv, "GET "+bucket+"?bucketInfo", &info)
		_, h, _ := ask(t, srv, "HEAD "+bucket+"/key")
		if got := h.Get("x-oss-storage-class"); got != want || info.Bucket.StorageClass != want {
			t.Errorf("%s: the object is %s, the bucket %s, want %s", bucket, got, info.Bucket.StorageClass, want)
		}
	}
}

// configurations are documents that a Server keeps, byte for byte, and how it says that there is none.
var configurations = []struct{ name, document, none string }{
	{"encryption",
		"<ServerSideEncryptionRule>\n  <ApplyServerSideEncryptionByDefault>\n    <SSEAlgorithm>KMS</SSEAlgorithm>\n" +
			"    <KMSDataEncryption>SM4</KMSDataEncryption>\n  </ApplyServerSideEncryptionByDefault>\n" +
			"</ServerSideEncryptionRule>\n",
		"404 NoSuchServerSideEncryptionRule"},
	{"cors", "<CORSConfiguration>\n  <CORSRule>\n    <AllowedOrigin>*</AllowedOrigin>\n    " +
		"<AllowedMethod>PUT</AllowedMethod>\n" +
		"    <AllowedMethod>GET</AllowedMethod>\n    <AllowedHeader>*</AllowedHeader>\n    " +
		"<ExposeHeader>ETag</ExposeHeader>\n" +
		"    <MaxAgeSeconds>100</MaxAgeSeconds>\n  </CORSRule>\n  <ResponseVary>false</ResponseVary>\n" +
		"</CORSConfiguration>\n",
		"404 NoSuchCORSConfiguration 0034-00000001"},
	{"lifecycle", "<LifecycleConfiguration>\n  <Rule>\n    <ID>r</ID>\n    <Prefix>logs/</Prefix>\n    " +
		"<Status>Enabled</Status>\n" +
		"    <Expiration>\n      <Days>3600</Days>\n    </Expiration>\n    " +
		"<Transition>\n      <Days>60</Days>\n      " +
		"<StorageClass>Archive</StorageClass>\n" +
		"    </Transition>\n    <Transition>\n      <Days>30</Days>\n      " +
		"<StorageClass>IA</StorageClass>\n    </Transition>\n" +
		"    <AbortMultipartUpload>\n      <Days>1</Days>\n    </AbortMultipartUpload>\n  </Rule>\n" +
		"</LifecycleConfiguration>\n",
		"404 NoSuchLifecycle"},
}

func TestConfigurationsOfABucketAreKeptAndTold(t *testing.T) {
	opts := osstest.Options{Dir: t.TempDir(), Persist: true}
	srv := start(t, &opts)
	for _, c := range configurations {
		wants(t, srv, "GET bucket?"+c.name, c.none)
		wants(t, srv, "PUT bucket?"+c.name, "ok", "body", c.document)
		wants(t, srv, "PUT bucket?"+c.name, "400 MalformedXML 0015-00000231", "body", c.document[:20])
	}
	wants(t, srv, "PUT bucket", "ok") // which leaves them
	wants(t, srv, "PUT bucket?tagging", "ok", "body",
		"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>")
	srv.Close()
	srv = start(t, &opts)
	for _, c := range configurations {
		body, _, err := ask(t, srv, "GET bucket?"+c.name)
		if diff := cmp.Diff(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+c.document, body); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
		if a := send(t, srv, call{method: "DELETE", query: c.name}); a.status != 204 {
			t.Errorf("DELETE %s is answered %v", c.name, a)
		}
		wants(t, srv, "GET bucket?"+c.name, c.none)
		wants(t, srv, "DELETE bucket?"+c.name, "ok")
	}
	var tags ossxml.Tagging
	if read(t, srv, "GET bucket?tagging", &tags); len(tags.Set.Tags) != 1 {
		t.Errorf("tags are %+v", tags)
	}
	for _, c := range configurations {
		wants(t, srv, "PUT bucket?"+c.name, "ok", "body", c.document)
	}
	wants(t, srv, "DELETE bucket", "ok")
	wants(t, srv, "PUT bucket", "ok")
	for _, c := range configurations { // a new bucket of the name begins without
		wants(t, srv, "GET bucket?"+c.name, c.none)
	}
}

func TestBucketEncryptionRefusesWhatCannotBe(t *testing.T) {
	srv := start(t, nil)
	rule := func(elements string) []string {
		return []string{"body", "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>" + elements +
			"</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>"}
	}
	const put = "PUT bucket?encryption"
	wants(t, srv, put, "400 InvalidEncryptionAlgorithmError", rule("<SSEAlgorithm>random</SSEAlgorithm>")...)
	wants(t, srv, put, "400 InvalidArgument 0005-00000204",
		rule("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>test</KMSMasterKeyID>")...)
	wants(t, srv, put, "400 InvalidDataEncryptionAlgorithmError",
		rule("<SSEAlgorithm>KMS</SSEAlgorithm><KMSDataEncryption>AES</KMSDataEncryption>")...)
	wants(t, srv, put, "400 MalformedXML 0015-00000231", rule("")...)
	wants(t, srv, put, "ok", rule("<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID></KMSMasterKeyID>")...)
	var info ossxml.BucketInfo
	if read(t, srv, "GET bucket?bucketInfo", &info); info.Bucket.SSEAlgorithm != "KMS" {
		t.Errorf("GetBucketInfo says %q", info.Bucket.SSEAlgorithm)
	}
}

func TestBucketTags(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"bucket", "other"}})
	tagging := func(pairs ...string) []string {
		var b strings.Builder
		for i := 0; i < len(pairs); i += 2 {
			fmt.Fprintf(&b, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", pairs[i], pairs[i+1])
		}
		return []string{"body", "<Tagging><TagSet>" + b.String() + "</TagSet></Tagging>"}
	}
	tags := func(want string) {
		t.Helper()
		var doc ossxml.Tagging
		read(t, srv, "GET bucket?tagging", &doc)
		if got := fmt.Sprint(doc.Set.Tags); got != want {
			t.Errorf("tags are %s, want %s", got, want)
		}
	}
	const put, invalid = "PUT bucket?tagging", "400 InvalidTag 0010-00000219"
	tags("[]")
	wants(t, srv, put, "ok", tagging("key1", "value1", "key2", "value2", "key3", "")...)
	wants(t, srv, "DELETE bucket?tagging=key1,key3", "ok")
	tags("[{key2 value2}]")
	var list ossxml.BucketList
	for query, want := range map[string]int{"tag-key=key2": 1, "tag-key=key2&tag-value=value2": 1,
		"tag-key=key2&tag-value=x": 0, "tag-key=key1": 0} {
		read(t, srv, "GET ?"+query, &list)
		if len(list.Buckets.Buckets) != want {
			t.Errorf("%s lists %d buckets, want %d", query, len(list.Buckets.Buckets), want)
		}
		list = ossxml.BucketList{}
	}
	wants(t, srv, "DELETE bucket?tagging", "ok")
	tags("[]")
	wants(t, srv, put, invalid, tagging("", "v")...)
	wants(t, srv, put, invalid, tagging(strings.Repeat("k", 65), "v")...)
	wants(t, srv, put, invalid, tagging("k", strings.Repeat("v", 129))...)
	wants(t, srv, put, "400 InvalidTag 0010-00000207", tagging("Aliyun-abc", "test")...)
	wants(t, srv, put, "400 RepeatedTags", tagging("k", "1", "k", "2")...)
	wants(t, srv, put, "400 MalformedXML 0015-00000231", tagging()...)
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	wants(t, srv, put, "400 TooManyTags", tagging(many...)...)
	wants(t, srv, put, "ok", tagging(many[2:]...)...)
}
