package osstest

import (
	"net/http"
	"slices"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// putEncryption is PutBucketEncryption, which sets the encryption of new objects whose requests ask for none. A Server
// reports it and encrypts nothing.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketencryption
func (x *exchange) putEncryption() (*reply, error) {
	var rule ossxml.EncryptionRule
	if err := x.readConfig(&rule); err != nil {
		return nil, err
	}
	d := rule.Default
	switch {
	case d.SSEAlgorithm == "":
		return nil, malformedBucketXML()
	case !slices.Contains([]string{"AES256", "KMS", "SM4"}, d.SSEAlgorithm):
		return nil, refuse(http.StatusBadRequest, "InvalidEncryptionAlgorithmError", "",
			"The Encryption request you specified is not valid. Supported value: AES256/SM4/KMS.")
	case d.KMSMasterKeyID != "" && d.SSEAlgorithm != "KMS":
		return nil, invalidArgument("0005-00000204",
			"KMSMasterKeyID is not applicable if the default sse algorithm is not KMS",
			"KMSMasterKeyID", d.KMSMasterKeyID)
	case d.KMSDataEncryption != "" && d.KMSDataEncryption != "SM4":
		return nil, refuse(http.StatusBadRequest, "InvalidDataEncryptionAlgorithmError", "",
			"The KMS Data Encryption request you specified is not valid. Supported value: SM4.")
	case d.KMSDataEncryption != "" && d.SSEAlgorithm != "KMS":
		return nil, invalidArgument("", "KMSDataEncryption is not applicable if the default sse algorithm is not KMS",
			"KMSDataEncryption", d.KMSDataEncryption)
	}
	return x.changeConfig(http.StatusOK, func(b *store.Bucket) { b.Encryption = &rule })
}

// getEncryption is GetBucketEncryption.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketencryption
func (x *exchange) getEncryption() (*reply, error) {
	rule := x.objects.Bucket(x.bucket).Encryption
	if rule == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchServerSideEncryptionRule", "",
			"The server side encryption configuration was not found.", "BucketName", x.bucket)
	}
	return xmlReply(http.StatusOK, rule), nil
}

// deleteEncryption is DeleteBucketEncryption.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucketencryption
func (x *exchange) deleteEncryption() (*reply, error) {
	return x.changeConfig(http.StatusNoContent, func(b *store.Bucket) { b.Encryption = nil })
}

// changeConfig lets f change the configuration of the bucket.
func (x *exchange) changeConfig(status int, f func(*store.Bucket)) (*reply, error) {
	err := x.objects.ChangeBucket(x.bucket, func(b *store.Bucket) error {
		f(b)
		return nil
	})
	return newReply(status), err
}

// readConfig reads the body of a request that configures a bucket.
func (x *exchange) readConfig(doc any) error {
	body, err := x.readBody(maxDocument)
	if err != nil {
		return err
	}
	if err := ossxml.Decode(body, doc); err != nil {
		return malformedBucketXML()
	}
	return nil
}
