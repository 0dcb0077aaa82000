package osstest

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// owner returns the account that owns every bucket except those of Options.RequesterPays.
func owner() *ossxml.Owner { return &ossxml.Owner{ID: ownerID, DisplayName: ownerID} }

// exists reports whether a bucket exists: by PutBucket and DeleteBucket if there was one, otherwise by Options.
func (s *Server) exists(b store.Bucket) bool {
	return !b.Created.IsZero() || !b.Deleted && (s.opts.Buckets == nil || s.isConfigured(b.Name))
}

// isConfigured reports whether Options name the bucket.
func (s *Server) isConfigured(name string) bool {
	return slices.Contains(s.opts.Buckets, name) ||
		slices.Contains(s.opts.PublicBuckets, name) || s.isRequesterPays(name)
}

// isRequesterPays reports whether the bucket belongs to another account, and requesters pay.
func (s *Server) isRequesterPays(name string) bool {
	return slices.Contains(s.opts.RequesterPays, name)
}

// withDefaults returns b with the defaults of OSS for empty fields.
func withDefaults(b store.Bucket) store.Bucket {
	b.ACL = cmp.Or(b.ACL, "private")
	b.StorageClass = cmp.Or(b.StorageClass, "Standard")
	b.Redundancy = cmp.Or(b.Redundancy, "LRS")
	return b
}

// putBucket is PutBucket. For an existing bucket it sets the ACL of the request; its storage class cannot be changed. A
// name that belongs to another account is refused.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucket and
// https://help.aliyun.com/en/oss/user-guide/http-status-code-409
func (x *exchange) putBucket() (*reply, error) {
	acl, err := x.newBucketACL()
	if err != nil {
		return nil, err
	}
	want, err := x.readBucketConfiguration()
	if err != nil {
		return nil, err
	}
	if x.isRequesterPays(x.bucket) {
		return nil, bucketExists("The requested bucket name is not available. The bucket namespace is shared by all "+
			"users of the system. Please select a different name and try again.", x.bucket)
	}
	err = x.objects.ChangeBucket(x.bucket, func(b *store.Bucket) error {
		is := *b
		is.StorageClass = cmp.Or(is.StorageClass, x.opts.StorageClass)
		is = withDefaults(is)
		switch {
		case b.Created.IsZero() && (b.Deleted || !x.isConfigured(b.Name)):
			b.Deleted, b.ACL, b.StorageClass, b.Redundancy = false, "", want.StorageClass, want.Redundancy
		case want.StorageClass != "" && want.StorageClass != is.StorageClass:
			return bucketExists("Cannot modify existing bucket's storage class", b.Name)
		case want.Redundancy != "" && want.Redundancy != is.Redundancy:
			return bucketExists("Bucket already exists can't modify data redundancy type", b.Name)
		}
		if b.Created.IsZero() {
			b.Created = x.now()
		}
		b.ACL = cmp.Or(acl, b.ACL)
		return nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("Location", "/"+x.bucket)
	return rep, nil
}

// readBucketConfiguration returns the body of PutBucket, which may be empty. Old clients send the class in a header.
func (x *exchange) readBucketConfiguration() (ossxml.BucketConfiguration, error) {
	doc := ossxml.BucketConfiguration{StorageClass: x.r.Header.Get("x-oss-storage-class")}
	if len(x.bucket) < 3 {
		return doc, refuse(http.StatusBadRequest, "InvalidBucketName", "0015-00000001",
			"The specified bucket is not valid.", "BucketName", x.bucket)
	}
	body, err := x.readBody(maxDocument)
	if err != nil {
		return doc, err
	}
	if err := ossxml.DecodeControl(body.Bytes(), &doc); err != nil && !errors.Is(err, io.EOF) {
		return doc, malformedBucketXML()
	}
	switch {
	case doc.Location != "" && doc.Location != "oss-"+x.opts.Region:
		return doc, refuse(http.StatusBadRequest, "InvalidLocationConstraint", "",
			"The specified location-constraint is not valid.", "LocationConstraint", doc.Location)
	case doc.StorageClass != "" && !slices.Contains(storageClasses, doc.StorageClass):
		return doc, malformedBucketXML()
	case doc.Redundancy != "" && !slices.Contains([]string{"LRS", "ZRS"}, doc.Redundancy):
		return doc, malformedBucketXML()
	}
	return doc, nil
}

// newBucketACL returns x-oss-acl.
func (x *exchange) newBucketACL() (oss.ACL, error) {
	acl := x.r.Header.Get("x-oss-acl")
	if acl == "" || slices.Contains([]string{"private", "public-read", "public-read-write"}, acl) {
		return oss.ACL(acl), nil
	}
	return "", invalidArgument("0015-00000204", "no such bucket access control exists", "x-oss-acl", acl)
}

func bucketExists(message, bucket string) *refusal {
	return refuse(http.StatusConflict, "BucketAlreadyExists", "0015-00000104", message, "BucketName", bucket)
}

func malformedBucketXML() *refusal {
	refused := malformedXML()
	refused.ec = "0015-00000231"
	return refused
}

// deleteBucket is DeleteBucket. The bucket must have no objects, versions and unfinished uploads. It no longer exists
// then, even if Options name it.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucket
func (x *exchange) deleteBucket() (*reply, error) {
	err := x.objects.DeleteBucket(x.bucket)
	switch {
	case errors.Is(err, store.ErrHasObjects):
		return nil, bucketNotEmpty("The bucket you tried to delete is not empty.", x.bucket)
	case errors.Is(err, store.ErrHasUploads):
		return nil, bucketNotEmpty("The bucket has Multipart Uploads.", x.bucket)
	case err != nil:
		return nil, err
	}
	return newReply(http.StatusNoContent), nil
}

func bucketNotEmpty(message, bucket string) *refusal {
	return refuse(http.StatusConflict, "BucketNotEmpty", "0015-00000301", message, "BucketName", bucket)
}

// listBuckets is ListBuckets. Without Options.Buckets it lists the buckets that were created or are not empty.
//
// See https://help.aliyun.com/en/oss/developer-reference/listbuckets
func (x *exchange) listBuckets() (*reply, error) {
	size, err := x.number("max-keys", 100, 1, maxPage)
	if err != nil {
		return nil, err
	}
	names := slices.Concat(x.opts.Buckets, x.opts.PublicBuckets, x.objects.BucketNames())
	slices.Sort(names)
	doc := ossxml.BucketList{Owner: *owner()}
	prefix, marker := x.query.Get("prefix"), x.query.Get("marker")
	if prefix != "" && !isBucketName(strings.TrimSuffix(prefix, "-")) {
		return nil, invalidArgument("", "The prefix is not one of bucket names.", "prefix", prefix)
	}
	truncated := false
	for _, name := range slices.Compact(names) {
		b := x.objects.Bucket(name)
		if !strings.HasPrefix(name, prefix) || name <= marker || !x.exists(b) ||
			x.isRequesterPays(name) || !x.isTagged(b) {
			continue
		}
		if truncated = len(doc.Buckets.Buckets) == size; truncated {
			break
		}
		d := x.details(x.bucketWithDefaults(name))
		doc.Buckets.Buckets = append(doc.Buckets.Buckets, ossxml.BucketEntry{
			CreationDate: d.CreationDate, ExtranetEndpoint: d.ExtranetEndpoint, IntranetEndpoint: d.IntranetEndpoint,
			Location: d.Location, Name: name, Region: x.opts.Region, StorageClass: d.StorageClass,
		})
		doc.NextMarker = name
	}
	if paged := x.query.Has("prefix") || x.query.Has("marker") || x.query.Has("max-keys"); paged || truncated {
		doc.Prefix, doc.Marker, doc.MaxKeys, doc.IsTruncated = prefix, marker, size, &truncated
	}
	if !truncated {
		doc.NextMarker = ""
	}
	return xmlReply(http.StatusOK, doc), nil
}

// details returns the description of a bucket. One that was not created by PutBucket is as old as the Server.
func (x *exchange) details(b store.Bucket) ossxml.BucketDetails {
	d := withDefaults(b)
	made := d.Created
	if made.IsZero() {
		made = x.startTime
	}
	extranet, intranet := x.endpoints()
	return ossxml.BucketDetails{
		AccessMonitor: "Disabled", CreationDate: ossxml.Time{Time: made}, CrossRegionReplication: "Disabled",
		Redundancy: d.Redundancy, ExtranetEndpoint: extranet, IntranetEndpoint: intranet,
		Location: "oss-" + x.opts.Region, Name: d.Name, StorageClass: d.StorageClass, TransferAcceleration: "Disabled",
		Versioning: d.Versioning, Owner: *owner(), Grant: string(d.ACL), SSEAlgorithm: "None",
	}
}

// headBucket is HEAD of a bucket, which the documentation does not mention. The C and PHP SDKs use it to find the
// region.
func (x *exchange) headBucket() (*reply, error) {
	rep := newReply(http.StatusOK)
	rep.header.Set("x-oss-bucket-region", "oss-"+x.opts.Region)
	return rep, nil
}

// bucketInfo is GetBucketInfo.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketinfo
func (x *exchange) bucketInfo() (*reply, error) {
	b := x.bucketWithDefaults(x.bucket)
	d := x.details(b)
	if b.Encryption != nil {
		rule := b.Encryption.Default
		d.SSEAlgorithm, d.KMSMasterKeyID, d.KMSDataEncryption = rule.SSEAlgorithm,
			rule.KMSMasterKeyID, rule.KMSDataEncryption
	}
	return xmlReply(http.StatusOK, ossxml.BucketInfo{Bucket: d}), nil
}

// bucketLocation is GetBucketLocation.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketlocation
func (x *exchange) bucketLocation() (*reply, error) {
	return xmlReply(http.StatusOK, ossxml.BucketLocation{Location: "oss-" + x.opts.Region}), nil
}

// createsBucket reports whether err says that the bucket is missing which the request creates.
func (x *exchange) createsBucket(err error) bool {
	var refused *refusal
	return x.op.name == "PutBucket" && errors.As(err, &refused) && refused.code == oss.ErrNoSuchBucket
}
