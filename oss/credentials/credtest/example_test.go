package credtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
)

// Without a socket, whatever the address; the third request is served.
func ExampleHTTPClient() {
	server := credtest.NewURI(nil)
	server.Inject(credtest.Fault{Times: 1, Status: http.StatusServiceUnavailable})
	server.Inject(credtest.Fault{Times: 1, Drop: true})
	p := credentials.URI("https://keys.example.com/oss", &credentials.Options{
		HTTPClient: credtest.HTTPClient(map[string]http.Handler{"keys.example.com": server}),
	})
	keys, err := p.Credentials(context.Background())
	fmt.Println(keys.AccessKeyID, err, server.Requests())
	// Output: STS.uri-1 <nil> 3
}

// On a real port, for programs that are not written in Go, too.
func ExampleMetadata() {
	metadata := credtest.NewMetadata(&credtest.MetadataOptions{Role: "writer", Hardened: true})
	port := httptest.NewServer(metadata)
	defer port.Close()
	keys, err := credentials.ECSRole(&credentials.ECSRoleOptions{Endpoint: port.URL}).Credentials(context.Background())
	fmt.Println(keys == metadata.Issued()[0], err)
	// Output: true <nil>
}
