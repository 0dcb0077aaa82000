package main

import (
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The program of README.md runs as it is shown, against a server on a real port.
func Example() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	port := httptest.NewServer(srv)
	defer port.Close()

	dir, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "backup.tar")
	if err := os.WriteFile(path, make([]byte, 20<<20), 0o600); err != nil {
		log.Fatal(err)
	}

	keys := osstest.TestCredentials()
	for name, value := range map[string]string{
		"OSS_ACCESS_KEY_ID": keys.AccessKeyID, "OSS_ACCESS_KEY_SECRET": keys.AccessKeySecret, "OSS_SESSION_TOKEN": "",
		"OSS_REGION": "cn-hangzhou", "OSS_ENDPOINT": port.URL, "OSS_BUCKET": "my-bucket",
	} {
		os.Setenv(name, value)
	}
	os.Args = []string{"quickstart", path}
	main()
	// Output: 20971520 bytes, ETag "AAE9660D5CEC00A4A796D1191C5BD7BE-3", CRC-64 3840994472669231136
}
