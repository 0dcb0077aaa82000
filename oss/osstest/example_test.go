package osstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func Example() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	// The code under test: it needs an *oss.Client and knows nothing of the Server.
	save := func(ctx context.Context, c *oss.Client, name, text string) error {
		_, err := c.PutObject(ctx, "notes", name, strings.NewReader(text), nil)
		return err
	}
	if err := save(context.Background(), srv.Client(), "today", "buy milk"); err != nil {
		fmt.Println(err)
	}

	o, _ := srv.Object("notes", "today")
	fmt.Printf("%s, sent in %d request\n", o.Data, len(srv.Requests("PutObject")))
	// Output: buy milk, sent in 1 request
}

// A multipart upload with parts of a few bytes.
func ExampleOptions() {
	srv := osstest.NewServer(&osstest.Options{MinPartSize: 1, Buckets: []string{"logs"}})
	defer srv.Close()
	c, ctx := srv.Client(), context.Background()

	up, err := c.InitiateMultipartUpload(ctx, "logs", "log", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var parts []oss.Part
	for i, text := range []string{"one ", "two ", "three"} {
		p, err := c.UploadPart(ctx, up, i+1, strings.NewReader(text), nil)
		if err != nil {
			fmt.Println(err)
		}
		parts = append(parts, p)
	}
	fmt.Println("unfinished:", len(srv.Uploads()))
	if _, err := c.CompleteMultipartUpload(ctx, up, parts, nil); err != nil {
		fmt.Println(err)
	}
	o, _ := srv.Object("logs", "log")
	fmt.Printf("%s in %d parts, unfinished: %d\n", o.Data, len(o.Parts), len(srv.Uploads()))

	_, err = c.InitiateMultipartUpload(ctx, "lgos", "log", nil)
	fmt.Println("misspelled:", errors.Is(err, oss.ErrNoSuchBucket))
	// Output:
	// unfinished: 1
	// one two three in 3 parts, unfinished: 0
	// misspelled: true
}

// Everything that speaks HTTP can use a Server on a real port.
func ExampleServer_ServeHTTP() {
	srv := osstest.NewServer(&osstest.Options{PublicBuckets: []string{"public"}})
	defer srv.Close()
	srv.PutObject("public", "hello.txt", []byte("hello"))
	port := httptest.NewServer(srv)
	defer port.Close()

	resp, err := http.Get(port.URL + "/public/hello.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body), resp.Header.Get("x-oss-object-type"))
	// Output: 200 OK hello Normal
}

// Real names reach the Server, whatever they stand for elsewhere.
func ExampleServer_HTTPClient() {
	srv := osstest.NewServer(&osstest.Options{PublicBuckets: []string{"public"}})
	defer srv.Close()
	srv.PutObject("public", "hello.txt", []byte("hello"))

	resp, err := srv.HTTPClient().Get("https://public.oss-cn-hangzhou.aliyuncs.com/hello.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Server"))
	// Output: 200 OK AliyunOSS
}

func ExampleServer_Requests() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	c, ctx := srv.Client(), context.Background()
	c.PutObject(ctx, "bucket", "key", strings.NewReader("content"), nil)
	c.HeadObject(ctx, "bucket", "none", nil)

	for _, r := range srv.Requests() {
		fmt.Println(r.Op, r.Bucket, r.Key, r.Size, r.StatusCode)
	}
	// Output:
	// PutObject bucket key 7 200
	// HeadObject bucket none 0 404
}

// The second part fails twice; the client tries again.
func ExampleServer_Inject() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	busy := srv.Inject(osstest.Fault{
		Op: "UploadPart", PartNumber: 2, Times: 2, Effect: osstest.Fail(503, "ServiceUnavailable"),
	})

	c, ctx := srv.Client(), context.Background()
	up, _ := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	for number := 1; number <= 2; number++ {
		_, err := c.UploadPart(ctx, up, number, strings.NewReader("content"), nil)
		fmt.Println(number, err)
	}
	fmt.Println(busy.Fired(), "of", len(srv.Requests("UploadPart")), "requests failed")
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 2 of 4 requests failed
}

func ExampleFail() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, "AccessDenied")})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
	fmt.Println(errors.Is(err, oss.ErrAccessDenied), len(srv.Requests()))
	// Output: true 1
}

// A client that gives up on a slow Complete must find out that it happened all the same.
func ExampleDelay() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Delay(time.Hour)})

	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		for len(srv.Objects("bucket")) == 0 {
			time.Sleep(time.Millisecond)
		}
		giveUp()
	}()
	_, err := srv.Client().PutObject(ctx, "bucket", "key", strings.NewReader("x"), nil)
	_, exists := srv.Object("bucket", "key")
	fmt.Println(errors.Is(err, context.Canceled), exists)
	// Output: true true
}

func ExampleHang() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Hang()})

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := srv.Client().PutObject(ctx, "bucket", "key", strings.NewReader("x"), nil)
	_, exists := srv.Object("bucket", "key")
	fmt.Println(errors.Is(err, context.DeadlineExceeded), exists)
	// Output: true false
}

func ExampleDrop() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	dropped := srv.Inject(osstest.Fault{Op: "PutObject", Times: 2, Effect: osstest.Drop()})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
	fmt.Println(err, dropped.Fired())
	// Output: <nil> 2
}

// The first Complete succeeds, and its reply is lost. The second finds nothing to complete.
func ExampleLoseReply() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})

	c, ctx := srv.Client(), context.Background()
	up, _ := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	part, _ := c.UploadPart(ctx, up, 1, strings.NewReader("content"), nil)
	_, err := c.CompleteMultipartUpload(ctx, up, []oss.Part{part}, nil)
	o, _ := srv.Object("bucket", "key")
	fmt.Printf("%t, and yet: %s\n", errors.Is(err, oss.ErrNoSuchUpload), o.Data)
	// Output: true, and yet: content
}

// Content-MD5, which is the default, lets OSS refuse what was damaged on the way. The client then
// sends it again.
func ExampleCorrupt() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "UploadPart", Times: 1, Effect: osstest.Corrupt()})

	c, ctx := srv.Client(), context.Background()
	up, _ := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	_, err := c.UploadPart(ctx, up, 1, strings.NewReader("content"), nil)
	fmt.Println(err)
	for _, r := range srv.Requests("UploadPart") {
		fmt.Println(r.StatusCode, r.Code)
	}
	// Output:
	// <nil>
	// 400 InvalidDigest
	// 200
}

func ExampleTruncate() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("bucket", "key", []byte("content"))
	srv.Inject(osstest.Fault{Op: "GetObject", Times: 1, Effect: osstest.Truncate(3)})

	o, err := srv.Client().GetObject(context.Background(), "bucket", "key", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer o.Body.Close()
	body, err := io.ReadAll(o.Body)
	fmt.Printf("%s, %v\n", body, err)
	for _, r := range srv.Requests("GetObject") {
		fmt.Printf("%q\n", r.Header.Get("Range"))
	}
	// Output:
	// content, <nil>
	// ""
	// "bytes=3-6"
}

// Outside of a testing/synctest bubble a slow line takes its time.
func ExampleSlow() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Slow(100)})

	begin := time.Now()
	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("content"), nil)
	fmt.Println(err, time.Since(begin) >= 70*time.Millisecond)
	// Output: <nil> true
}

// Keys are exchanged under a running client, as when an STS token is revoked.
func ExampleServer_SetCredentials() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	before := srv.Client()
	srv.SetCredentials(oss.Credentials{AccessKeyID: "new-id", AccessKeySecret: "new-secret"})

	for _, c := range []*oss.Client{before, srv.Client()} {
		_, err := c.PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
		var refused *oss.ServiceError
		fmt.Println(errors.As(err, &refused) && refused.Code == "InvalidAccessKeyId")
	}
	// Output:
	// true
	// false
}
