package osstest_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// In a bucket with versions nothing is lost: not what is overwritten, and not what is deleted.
func ExampleServer_SetVersioning() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.SetVersioning("notes", true)

	c, ctx := srv.Client(), context.Background()
	for _, text := range []string{"buy milk", "buy tea"} {
		if _, err := c.PutObject(ctx, "notes", "today", strings.NewReader(text), nil); err != nil {
			fmt.Println(err)
		}
	}
	if err := c.DeleteObject(ctx, "notes", "today", nil); err != nil {
		fmt.Println(err)
	}

	if _, ok := srv.Object("notes", "today"); !ok {
		fmt.Println("there is no note")
	}
	for _, v := range srv.Versions("notes", "today") {
		fmt.Println(v.Size, "bytes, deleted:", v.DeleteMarker)
	}
	// Output:
	// there is no note
	// 0 bytes, deleted: true
	// 7 bytes, deleted: false
	// 8 bytes, deleted: false
}

// A Server that persists goes on where the one before it ended, in whatever way that was.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	opts := &osstest.Options{Dir: dir, Persist: true, MinPartSize: 1}

	srv, err := osstest.Open(opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	up, err := srv.Client().InitiateMultipartUpload(ctx, "logs", "log", &oss.ObjectOptions{ContentType: "text/plain"})
	if err != nil {
		fmt.Println(err)
	}
	one, err := srv.Client().UploadPart(ctx, up, 1, strings.NewReader("one "), nil)
	if err != nil {
		fmt.Println(err)
	}
	if _, err := osstest.Open(opts); err != nil {
		fmt.Println(strings.ReplaceAll(err.Error(), dir, "dir"))
	}
	srv.Close()

	if srv, err = osstest.Open(opts); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	two, err := srv.Client().UploadPart(ctx, up, 2, strings.NewReader("two"), nil)
	if err != nil {
		fmt.Println(err)
	}
	if _, err := srv.Client().CompleteMultipartUpload(ctx, up, []oss.Part{one, two}, nil); err != nil {
		fmt.Println(err)
	}
	o, _ := srv.Object("logs", "log")
	fmt.Printf("%s, %s\n", o.Data, o.Header.Get("Content-Type"))
	// Output:
	// osstest: dir: in use by another Server
	// one two, text/plain
}
