package osstest

// checkPayer refuses a request for a bucket of another account without x-oss-request-payer, and operations that only
// the owner may execute.
//
// See https://help.aliyun.com/en/oss/user-guide/0003-00000703
func (x *exchange) checkPayer() error {
	if x.op.name == "PutBucket" { // it is refused because the name exists
		return nil
	}
	if err := x.checkPaysFor(x.bucket); err != nil {
		return err
	}
	if x.isRequesterPays(x.bucket) && x.op.access == ownerAccess && x.key == "" {
		return accessDenied("0003-00000001", "The bucket you access does not belong to you.")
	}
	return nil
}

// checkPaysFor refuses a request for a bucket of another account without x-oss-request-payer.
func (x *exchange) checkPaysFor(bucket string) error {
	const name = "x-oss-request-payer"
	says := x.r.Header.Get(name) == "requester" || x.query.Get(name) == "requester"
	if x.isRequesterPays(bucket) && !says {
		return accessDenied("0003-00000703", "Access denied for requester pay bucket", "BucketName", bucket)
	}
	return nil
}
