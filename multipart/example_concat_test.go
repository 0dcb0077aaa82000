package multipart_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Join the logs of two days without reading them.
func ExampleUploader_Concat() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	u := multipart.NewUploader(srv.Client(), nil)
	var days []oss.CopySource
	for _, day := range []string{"monday", "tuesday"} {
		text := strings.Repeat(day+"\n", 20000)
		if _, err := u.Upload(ctx, "logs", day, strings.NewReader(text), nil); err != nil {
			log.Fatal(err)
		}
		days = append(days, oss.CopySource{Bucket: "logs", Key: day})
	}
	res, err := u.Concat(ctx, "logs", "both", days, &oss.ObjectOptions{ContentType: "text/plain"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes in", res.Parts, "parts;", len(srv.Requests("GetObject")), "objects were read")
	// Output:
	// 300000 bytes in 2 parts; 0 objects were read
}
