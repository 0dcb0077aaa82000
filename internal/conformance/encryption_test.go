package conformance_test

import (
	"strconv"
	"testing"
)

// encryptionAssumptions are about objects that the client encrypts, and about the keys of those that OSS encrypts.
func encryptionAssumptions() []assumption {
	// announce says at Initiate that the client encrypts; a negative size is left out.
	announce := func(data, part int) []string {
		const prefix = "x-oss-meta-client-side-encryption-"
		header := []string{prefix + "key", "k", prefix + "start", "s", prefix + "cek-alg", "AES/CTR/NoPadding",
			prefix + "wrap-alg", "RSA/NONE/PKCS1Padding"}
		if data >= 0 {
			header = append(header, prefix+"data-size", strconv.Itoa(data))
		}
		if part >= 0 {
			header = append(header, prefix+"part-size", strconv.Itoa(part))
		}
		return header
	}
	begin := func(key string, header []string) request {
		return request{method: "POST", key: key, query: []string{"uploads", ""}, header: header}
	}
	return []assumption{
		{
			ID: "A430", Source: liveTest, Where: pythonV2SDK + "test_encryption_client.py", Ops: []string{"ListParts",
				"InitiateMultipartUpload"},
			Claim: "ListParts of an upload that the client encrypts repeats key, start, " +
				"algorithms, data size and part size.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				doc := e.parts(t, key, e.initiate(t, key, announce(308445, 102400)...))
				for name, want := range map[string]string{"Key": "k", "Start": "s", "CekAlg": "AES/CTR/NoPadding",
					"WrapAlg": "RSA/NONE/PKCS1Padding", "DataSize": "308445", "PartSize": "102400"} {
					equal(t, name, doc.get("ClientEncryption"+name), want)
				}
			},
		},
		{
			ID: "A431", Source: liveTest, Where: goV1SDK + "; " + cppSDK +
				" CryptoObjectTest; error pages EC 0005-00000406 to -00000420",
			Ops: []string{"UploadPart", "InitiateMultipartUpload", "CompleteMultipartUpload"},
			Claim: "The parts of an upload that the client encrypts are those that Initiate announced, or 400 " +
				"InvalidEncryptionRequest.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.refused(t, e.send(t, begin(key, announce(-1, 102400))), 400,
					"InvalidEncryptionRequest", "0005-00000406")
				e.refused(t, e.send(t, begin(key, announce(102410, -1))), 400,
					"InvalidEncryptionRequest", "0005-00000407")
				id := e.initiate(t, key, announce(102410, 102400)...)
				whole, rest := block('1', 102400), block('2', 10)
				e.refused(t, e.upload(t, key, id, 1, rest), 400, "InvalidEncryptionRequest", "0005-00000419")
				e.refused(t, e.upload(t, key, id, 2, whole), 400, "InvalidEncryptionRequest", "0005-00000420")
				e.upload(t, key, id, 1, whole).wants(t, 200)
				doc := e.refused(t, e.complete(t, key, id, numbered(whole)), 400, "InvalidEncryptionRequest", "")
				equal(t, "Message", doc.get("Message"),
					"The client encryption part list is unexpected with init_multipart setted.")
				e.upload(t, key, id, 2, rest).wants(t, 200)
				e.complete(t, key, id, numbered(whole, rest)).wants(t, 200)
			},
		},
		{
			ID: "A432", Source: liveTest, Where: pythonSDK + "test_server_side_encryotion",
			Ops: []string{"PutObject", "HeadObject", "InitiateMultipartUpload", "UploadPart",
				"AppendObject", "CopyObject"},
			Claim: "With KMS and no key ID in the request the replies have the ID of the default key.",
			check: func(t *testing.T, e *env) {
				const name = "x-oss-server-side-encryption-key-id"
				key, kms := e.key("object"), []string{"x-oss-server-side-encryption", "KMS"}
				r := e.send(t, request{method: "PUT", key: key, header: kms}).wants(t, 200)
				id := r.header.Get(name)
				if id == "" {
					t.Errorf("headers are %v", r.header)
				}
				e.head(t, key).wants(t, 200).is(t, name, id)
				begun := e.send(t, begin(key, kms)).wants(t, 200).is(t, name, id)
				e.upload(t, key, begun.xml(t).get("UploadId"), 1, []byte("1")).wants(t, 200).is(t, name, id)
			},
		},
	}
}
