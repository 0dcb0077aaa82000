package osstest_test

import "testing"

// A clean-up that follows the endpoint of a list must not leave the Server for the real service (H1).
func TestBucketsAreSaidToBeWhereTheyWereAskedFor(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	const public, internal = "oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou-internal.aliyuncs.com"
	for _, tt := range []struct{ target, host, bucket, extranet, intranet string }{
		{"/?prefix=b", "127.0.0.1:9000", "", "http://127.0.0.1:9000", "http://127.0.0.1:9000"},
		{"/", "[::1]:9000", "", "http://[::1]:9000", "http://[::1]:9000"},
		{"/", "localhost", "", "http://localhost", "http://localhost"},
		{"/", public, "", public, internal},
		{"/", internal, "", public, internal},
		{"/bucket/?bucketInfo", "127.0.0.1:9000", "bucket", "http://127.0.0.1:9000", "http://127.0.0.1:9000"},
		{"/?bucketInfo", "bucket.localhost:9000", "bucket", "http://localhost:9000", "http://localhost:9000"},
		{"/?bucketInfo", "bucket.oss.example.com:80", "bucket", "http://oss.example.com:80",
			"http://oss.example.com:80"},
		{"/?bucketInfo", "bucket." + public + ":443", "bucket", public, internal},
	} {
		got := sendSigned(t, srv, tt.bucket, "", "", "GET "+tt.target+" HTTP/1.1", "Host: "+tt.host)
		wantWire(t, tt.host+tt.target, got, "200", "<ExtranetEndpoint>"+tt.extranet+"</ExtranetEndpoint>")
		wantWire(t, tt.host+tt.target, got, "200", "<IntranetEndpoint>"+tt.intranet+"</IntranetEndpoint>")
	}
}
