package oss_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// discards reads a body and answers that it is stored, as fast as can be. It is not the place of a
// benchmark to compute the sums again, so they come from the outside.
func discards(etag, crc string) http.RoundTripper {
	return transportFunc(func(r *http.Request) (*http.Response, error) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		return &http.Response{
			StatusCode: http.StatusOK, Body: http.NoBody,
			Header: http.Header{"Etag": {etag}, "X-Oss-Hash-Crc64ecma": {crc}},
		}, nil
	})
}

func BenchmarkUploadPart(b *testing.B) {
	for _, sum := range []struct {
		name string
		sum  oss.Checksum
	}{{"md5", oss.ChecksumMD5}, {"crc64", oss.ChecksumCRC64}, {"none", oss.ChecksumNone}} {
		for _, size := range []int{1 << 10, 1 << 20, 8 << 20} {
			b.Run(fmt.Sprintf("sum=%s/size=%d", sum.name, size), func(b *testing.B) {
				data := content(size)
				c := newClient(b, oss.Config{Region: "cn-hangzhou", Credentials: keys,
					HTTPClient: &http.Client{Transport: discards(etag(data), crc(data))}})
				opts := &oss.PartOptions{Checksum: sum.sum}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.UploadPart(b.Context(), upload, 1, strings.NewReader(data), opts); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkPresignPart(b *testing.B) {
	for _, cfg := range []struct {
		name string
		oss.Config
	}{{"V1", oss.Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Signer: signer.V1{}}},
		{"V4", oss.Config{Region: "cn-hangzhou"}}} {
		b.Run("signature="+cfg.name, func(b *testing.B) {
			cfg.Credentials = keys
			c := newClient(b, cfg.Config)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.PresignPart(b.Context(), upload, 1, 1e9); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
