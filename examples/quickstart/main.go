// Command quickstart uploads a file as "backup.tar". It is the program that README.md shows.
//
//	OSS_REGION=cn-hangzhou OSS_BUCKET=my-bucket go run ./examples/quickstart FILE
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func main() {
	// The keys come from OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and OSS_SESSION_TOKEN.
	client, err := oss.NewClient(oss.Config{Region: os.Getenv("OSS_REGION"), Endpoint: os.Getenv("OSS_ENDPOINT")})
	if err != nil {
		log.Fatal(err)
	}
	up := multipart.NewUploader(client, nil) // one for the whole program
	res, err := up.UploadFile(context.Background(), os.Getenv("OSS_BUCKET"), "backup.tar", os.Args[1], nil)
	if err != nil {
		log.Fatal(err) // nothing is left in OSS, or err names it
	}
	fmt.Printf("%d bytes, ETag %s, CRC-64 %d\n", res.Size, res.ETag, res.CRC64)
}
