package rpcsign

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// The vector of the RPC signature in Alibaba Cloud's documentation (DescribeRegions by GET, key secret "testsecret"),
// https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism.
func TestSignatureIsTheOneOfTheDocumentation(t *testing.T) {
	query := url.Values{
		"Timestamp": {"2016-02-23T12:46:24Z"}, "Format": {"XML"}, "AccessKeyId": {"testid"},
		"Action":          {"DescribeRegions"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureNonce": {"3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
		"Version": {"2014-05-26"}, "SignatureVersion": {"1.0"},
	}
	if got, want := Signature(http.MethodGet, query, nil, "testsecret"), "OLeaidS1JvxuMvnyHOwuJ+uX5qY="; got != want {
		t.Errorf("Signature = %s, want %s", got, want)
	}
}

func TestCanonicalEscapesAreThoseOfRFC3986(t *testing.T) {
	got := escaped(url.Values{"b": {"a b*c~d+e/=&"}, "a": {"\u00e9"}})
	if want := "a=%C3%A9&b=a%20b%2Ac~d%2Be%2F%3D%26"; got != want {
		t.Errorf("escaped = %s, want %s", got, want)
	}
}

func TestCallWithoutKeysIsNotSigned(t *testing.T) {
	c := Call{Endpoint: "https://sts.aliyuncs.com", Action: "AssumeRoleWithOIDC", Version: "2015-04-01",
		Form: url.Values{"OIDCToken": {"t o"}}, Time: time.Unix(0, 0), Nonce: "unused"}
	req, err := c.Request()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(req.Body)
	const want = "https://sts.aliyuncs.com/?Action=AssumeRoleWithOIDC&Format=JSON&" +
		"Timestamp=1970-01-01T00%3A00%3A00Z&Version=2015-04-01"
	if req.URL.String() != want || string(body) != "OIDCToken=t+o" {
		t.Errorf("%s with the body %s", req.URL, body)
	}
}

func TestEndpointThatIsNoURLIsAnError(t *testing.T) {
	if _, err := (Call{Endpoint: "https://a b"}).Request(); err == nil {
		t.Error("no error")
	}
}
