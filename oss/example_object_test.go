package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// PutObject stores anything with a size that can be read again, here a string. It returns an error unless OSS
// confirms the checksums of what was sent.
func ExampleClient_PutObject() {
	ctx, client, done := example()
	defer done()

	res, err := client.PutObject(ctx, "bucket", "notes/today.txt", strings.NewReader("buy milk"), &oss.ObjectOptions{
		CacheControl:    "max-age=60",
		Metadata:        map[string]string{"author": "ann"},
		ForbidOverwrite: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ETag %s, CRC-64 %016X\n", res.ETag, res.CRC64)

	_, err = client.PutObject(ctx, "bucket", "notes/today.txt", strings.NewReader("buy tea"), &oss.ObjectOptions{
		ForbidOverwrite: true,
	})
	fmt.Println("exists already:", errors.Is(err, fs.ErrExist))
	// Output:
	// ETag "179EFF394E70940C08CADE7D86C77606", CRC-64 216F1F0C769BE517
	// exists already: true
}

// Reading to io.EOF verifies a whole object: a corrupted one ends with a *ChecksumError instead. A range has no
// checksum of its own.
func ExampleClient_GetObject() {
	ctx, client, done := example()
	defer done()
	if _, err := client.PutObject(ctx, "bucket", "greeting.txt", strings.NewReader("hello, world"), nil); err != nil {
		log.Fatal(err)
	}

	obj, err := client.GetObject(ctx, "bucket", "greeting.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Body.Close()
	var copied bytes.Buffer
	n, err := io.Copy(&copied, obj.Body)
	fmt.Println(n, copied.String(), err)

	part, err := client.GetObject(ctx, "bucket", "greeting.txt", &oss.GetOptions{Offset: 7, Length: 5})
	if err != nil {
		log.Fatal(err)
	}
	defer part.Body.Close()
	text, err := io.ReadAll(part.Body)
	fmt.Printf("%s of %d bytes, %v\n", text, part.Size, err)
	// Output:
	// 12 hello, world <nil>
	// world of 12 bytes, <nil>
}

// HeadObject returns the properties of an object. An object that does not exist is fs.ErrNotExist.
func ExampleClient_HeadObject() {
	ctx, client, done := example()
	defer done()
	_, err := client.PutObject(ctx, "bucket", "report.pdf", strings.NewReader("%PDF"), &oss.ObjectOptions{
		Metadata: map[string]string{"department": "sales"},
	})
	if err != nil {
		log.Fatal(err)
	}

	info, err := client.HeadObject(ctx, "bucket", "report.pdf", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Size, info.ContentType, info.Metadata)

	_, err = client.HeadObject(ctx, "bucket", "report.doc", nil)
	fmt.Println("missing:", errors.Is(err, fs.ErrNotExist))
	// Output:
	// 4 application/pdf map[department:sales]
	// missing: true
}

// CopyObject copies inside OSS. Without options the copy has the headers, the metadata and the tags of the source.
func ExampleClient_CopyObject() {
	ctx, client, done := example()
	defer done()
	_, err := client.PutObject(ctx, "drafts", "page.html", strings.NewReader("<p>"), &oss.ObjectOptions{
		CacheControl: "no-store",
	})
	if err != nil {
		log.Fatal(err)
	}

	src := oss.CopySource{Bucket: "drafts", Key: "page.html"}
	if _, err := client.CopyObject(ctx, "site", "same.html", src, nil); err != nil {
		log.Fatal(err)
	}
	_, err = client.CopyObject(ctx, "site", "other.html", src, &oss.CopyOptions{
		Object: &oss.ObjectOptions{CacheControl: "max-age=3600"}, // in place of all that the source has
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"same.html", "other.html"} {
		info, err := client.HeadObject(ctx, "site", key, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key, info.Header.Get("Cache-Control"))
	}
	// Output:
	// same.html no-store
	// other.html max-age=3600
}

// DeleteObject returns nil for an object that does not exist.
func ExampleClient_DeleteObject() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	srv.PutObject("bucket", "old.txt", []byte("old"))

	fmt.Println(client.DeleteObject(ctx, "bucket", "old.txt", nil))
	fmt.Println(client.DeleteObject(ctx, "bucket", "old.txt", nil))
	fmt.Println(srv.Objects("bucket"))
	// Output:
	// <nil>
	// <nil>
	// []
}
