package oss_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A machine without keys uploads with net/http alone. It sends the method and the headers that were signed.
func ExampleClient_PresignPut() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()

	signed, err := client.PresignPut(ctx, "bucket", "avatar.png", 15*time.Minute, &oss.ObjectOptions{
		ContentType: "image/png",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signed.Method, signed.Header)

	// On the other machine:
	req, err := http.NewRequest(signed.Method, signed.URL, strings.NewReader("png"))
	if err != nil {
		log.Fatal(err)
	}
	req.Header = signed.Header.Clone()
	resp, err := srv.HTTPClient().Do(req) // http.DefaultClient outside of an example
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()

	info, err := client.HeadObject(ctx, "bucket", "avatar.png", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, info.ContentType, info.Size)
	// Output:
	// PUT map[Content-Type:[image/png]]
	// 200 image/png 3
}

// A link for a browser. Response replaces headers of the reply, here so that the browser saves the file.
func ExampleClient_PresignGet() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("reports", "2026-06.pdf", []byte("%PDF"))

	signed, err := srv.Client().PresignGet(context.Background(), "reports", "2026-06.pdf", time.Hour, &oss.GetOptions{
		Response: oss.ResponseHeaders{ContentDisposition: `attachment; filename="June.pdf"`},
	})
	if err != nil {
		log.Fatal(err)
	}

	resp, err := srv.HTTPClient().Get(signed.URL) // http.Get outside of an example
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	fmt.Printf("%s, %s, %v\n", data, resp.Header.Get("Content-Disposition"), err)
	// Output:
	// %PDF, attachment; filename="June.pdf", <nil>
}
