package osstest

import (
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// clientPrefix begins the names of the metadata of objects that clients encrypted.
const clientPrefix = metaPrefix + "Client-Side-Encryption-"

// A clientEncryption is the size and the part size that a client announces for an upload that it encrypts. OSS checks
// the parts by them.
//
// See https://help.aliyun.com/en/oss/user-guide/0005-00000406 and the following pages.
type clientEncryption struct{ size, partSize int64 }

// clientEncryptionOf returns the clientEncryption of an upload, if its client encrypts.
func clientEncryptionOf(h http.Header) (e clientEncryption, found bool, err error) {
	if h.Get(clientPrefix+"Key") == "" {
		return e, false, nil
	}
	for _, field := range []struct {
		name               string
		least              int64
		n                  *int64
		ecMissing, ecValue string
	}{
		{"Data-Size", 0, &e.size, "0005-00000406", "0005-00000408"},
		{"Part-Size", 1, &e.partSize, "0005-00000407", "0005-00000409"},
	} {
		value := h.Get(clientPrefix + field.name)
		if value == "" {
			return e, true, invalidClientEncryption(field.ecMissing, "The meta data_size or part_size is missing.")
		}
		if *field.n, err = strconv.ParseInt(value, 10, 64); err != nil || *field.n < field.least {
			return e, true, invalidClientEncryption(field.ecValue, "The meta data_size or part_size is invalid.")
		}
	}
	switch {
	case e.partSize%16 != 0: // AES
		return e, true, invalidClientEncryption("", "The meta data_size or part_size is invalid.")
	case e.parts() > oss.MaxPartNumber:
		return e, true, invalidClientEncryption("0005-00000410", "The number of parts exceeds the limit.")
	}
	return e, true, nil
}

// parts returns the number of parts of the upload.
func (e clientEncryption) parts() int64 { return max(1, (e.size-1)/e.partSize+1) }

// checkPart checks the number and the size of a part.
func (e clientEncryption) checkPart(number int, size int64) error {
	switch last := e.parts(); {
	case int64(number) > last:
		return invalidClientEncryption("", "The partId must less or equal to expectedPartNumber.")
	case int64(number) < last && size != e.partSize:
		return invalidClientEncryption("0005-00000419", "The size of the part is not the part_size of init_multipart.")
	case int64(number) == last && size != e.size-(last-1)*e.partSize:
		return invalidClientEncryption("0005-00000420",
			"The size of the last part does not fit the data_size of init_multipart.")
	}
	return nil
}

// checkClientPart is checkPart for any upload.
func checkClientPart(u *store.Upload, number int, size int64) error {
	e, found, _ := clientEncryptionOf(u.Header) // it was checked by initiate
	if !found {
		return nil
	}
	return e.checkPart(number, size)
}

// checkClientList checks that an upload is completed with all parts that its client announced.
func checkClientList(u *store.Upload, parts int) error {
	if e, found, _ := clientEncryptionOf(u.Header); found && int64(parts) != e.parts() {
		return invalidClientEncryption("", "The client encryption part list is unexpected with init_multipart setted.")
	}
	return nil
}

// describeClientEncryption sets the elements of ListParts about client encryption.
func describeClientEncryption(doc *ossxml.PartList, u *store.Upload) {
	e, found, _ := clientEncryptionOf(u.Header)
	if !found {
		return
	}
	get := func(name string) string { return u.Header.Get(clientPrefix + name) }
	doc.ClientEncryption = ossxml.ClientEncryption{
		Key: get("Key"), Start: get("Start"), CEKAlg: get("Cek-Alg"), WrapAlg: get("Wrap-Alg"), DataSize: e.size,
		PartSize: e.partSize,
	}
}

func invalidClientEncryption(ec, message string) *refusal {
	return refuse(http.StatusBadRequest, "InvalidEncryptionRequest", ec, message)
}
