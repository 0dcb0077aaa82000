package osstest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// clientHead is the head of an Initiate by a client that encrypts, without the sizes.
func clientHead(more ...string) []string {
	return append([]string{
		"POST /key?uploads HTTP/1.1", "Content-Length: 0", "x-oss-meta-client-side-encryption-key: k", "x-oss-meta-client-side-encryption-start: s",
		"x-oss-meta-client-side-encryption-cek-alg: AES/CTR/NoPadding", "x-oss-meta-client-side-encryption-wrap-alg: RSA/NONE/PKCS1Padding",
	}, more...)
}

func sizes(data, part string) []string {
	return []string{"x-oss-meta-client-side-encryption-data-size: " + data, "x-oss-meta-client-side-encryption-part-size: " + part}
}

// Python v2 goes on with an encrypted upload by what ListParts tells of it (H4).
func TestListPartsRepeatsTheClientsEncryption(t *testing.T) {
	srv := startOpen(t)
	id := between(sendWire(t, srv, "", clientHead(sizes("308445", "102400")...)...).body, "<UploadId>", "<")
	got := sendWire(t, srv, "", "GET /key?uploadId="+id+" HTTP/1.1")
	for _, want := range []string{
		"Key>k</", "Start>s</", "CekAlg>AES/CTR/NoPadding</", "WrapAlg>RSA/NONE/PKCS1Padding</", "DataSize>308445</", "PartSize>102400</",
	} {
		wantWire(t, "ListParts", got, "200", "<ClientEncryption"+want+"ClientEncryption")
	}
	id = between(sendWire(t, srv, "", "POST /key?uploads HTTP/1.1", "Content-Length: 0").body, "<UploadId>", "<")
	if plain := sendWire(t, srv, "", "GET /key?uploadId="+id+" HTTP/1.1"); strings.Contains(plain.body, "ClientEncryption") {
		t.Errorf("an upload that no client encrypts is listed with %s", plain.body)
	}
}

// The live tests of Go v1 and C++ expect the parts to be those that Initiate announced (H10).
func TestPartsOfAClientEncryptedUploadAreThoseAnnounced(t *testing.T) {
	srv := startOpen(t)
	for _, tt := range []struct{ data, part, want string }{
		{"", "16384", "0005-00000406"}, {"2", "", "0005-00000407"}, {"x", "16", "0005-00000408"}, {"2", "1.5", "0005-00000409"},
		{"-1", "16", "0005-00000408"}, {"2", "0", "0005-00000409"}, {"200000", "16", "0005-00000410"}, {"2", "17", "InvalidEncryptionRequest"},
	} {
		got := sendWire(t, srv, "", clientHead(sizes(tt.data, tt.part)...)...)
		wantWire(t, "Initiate with "+tt.data+" and "+tt.part, got, "400", tt.want)
		wantWire(t, "Initiate with "+tt.data+" and "+tt.part, got, "400", "<Code>InvalidEncryptionRequest</Code>")
	}
	id := between(sendWire(t, srv, "", clientHead(sizes("204810", "102400")...)...).body, "<UploadId>", "<")
	put := func(number, size int) *wireReply {
		return sendWire(t, srv, strings.Repeat("a", size), fmt.Sprintf("PUT /key?partNumber=%d&uploadId=%s HTTP/1.1", number, id),
			"Content-Length: "+strconv.Itoa(size))
	}
	wantWire(t, "a part too long", put(1, 102401), "400", "0005-00000419")
	wantWire(t, "a part too short", put(2, 10), "400", "0005-00000419")
	wantWire(t, "a last part too long", put(3, 11), "400", "0005-00000420")
	wantWire(t, "a part too many", put(4, 10), "400", "The partId must less or equal to expectedPartNumber.")
	if left := srv.Uploads(); len(left) != 1 || len(left[0].Parts) != 0 {
		t.Errorf("refused parts are stored: %v", left)
	}
	etags := make(map[int]string)
	for number, size := range map[int]int{1: 102400, 2: 102400, 3: 10} {
		got := put(number, size)
		wantWire(t, fmt.Sprint("part ", number), got, "200", "")
		etags[number] = got.header["ETag"]
	}
	complete := func(parts ...any) *wireReply {
		body := partList(parts...)
		return sendWire(t, srv, body, "POST /key?uploadId="+id+" HTTP/1.1", "Content-Length: "+strconv.Itoa(len(body)))
	}
	wantWire(t, "too few parts", complete(1, etags[1], 2, etags[2]), "400",
		"The client encryption part list is unexpected with init_multipart setted.")
	wantWire(t, "all parts", complete(1, etags[1], 2, etags[2], 3, etags[3]), "200", "")
}
