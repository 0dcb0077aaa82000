package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The examples run against a server of package osstest. A program creates its client with
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"})
//
// which reads the keys from the environment.
func example() (context.Context, *oss.Client, func()) {
	srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
	return context.Background(), srv.Client(), srv.Close
}

func ExampleNewClient() {
	client, err := oss.NewClient(oss.Config{
		Region:      "cn-hangzhou",
		Endpoint:    "https://oss-cn-hangzhou-internal.aliyuncs.com", // for a program that runs in the region
		Credentials: oss.Credentials{AccessKeyID: "LTAI...", AccessKeySecret: "..."},
		Retry:       oss.Retry{Attempts: 6},
		UserAgent:   "backup/1.2",
	})
	fmt.Println(client, err)

	_, err = oss.NewClient(oss.Config{Endpoint: "cn-hangzhou"})
	reason, _, _ := strings.Cut(err.Error(), ";")
	fmt.Println(reason)
	// Output:
	// oss.Client{https://oss-cn-hangzhou-internal.aliyuncs.com} <nil>
	// oss: endpoint "cn-hangzhou" is a region: set Config.Region to "cn-hangzhou"
}

// A multipart upload by hand, from the first request to the last. Package multipart does this for whole files, with
// many parts in flight.
func ExampleClient_UploadPart() {
	ctx, client, done := example()
	defer done()

	up, err := client.InitiateMultipartUpload(ctx, "bucket", "greeting.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	var parts []oss.Part
	for i, text := range []string{"hello, ", "world"} {
		part, err := client.UploadPart(ctx, up, i+1, strings.NewReader(text), nil)
		if err != nil {
			log.Fatal(errors.Join(err, client.AbortMultipartUpload(ctx, up))) // otherwise its parts are billed forever
		}
		parts = append(parts, part)
	}
	res, err := client.CompleteMultipartUpload(ctx, up, parts, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ETag %s, CRC-64 %016X\n", res.ETag, res.CRC64)

	obj, err := client.GetObject(ctx, "bucket", "greeting.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Body.Close()
	text, err := io.ReadAll(obj.Body) // fails if the bytes are corrupted
	fmt.Printf("%s, %s, %v\n", text, obj.ContentType, err)
	// Output:
	// ETag "3ECFA152D36770A76551A082ACF0747A-2", CRC-64 035D4266D2D7678D
	// hello, world, text/plain, <nil>
}

// A section of a file is a Body. Every attempt reads it in place, without a buffer.
func ExampleBody() {
	ctx, client, done := example()
	defer done()

	name := filepath.Join(os.TempDir(), "go-oss-example")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(name)
	file, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()

	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		log.Fatal(err)
	}
	part, err := client.UploadPart(ctx, up, 2, io.NewSectionReader(file, 4, 4), nil)
	fmt.Println(part.Number, part.Size, part.ETag, err)
	// Output: 2 4 "6562C5C1F33DB6E05A082A88CDDAB5EA" <nil>
}

// Errors are distinguished by their code. Errors of package fs match too.
func ExampleServiceError() {
	ctx, client, done := example()
	defer done()

	up := oss.Upload{Bucket: "bucket", Key: "key", ID: "0123456789ABCDEF0123456789ABCDEF"}
	_, err := client.UploadPart(ctx, up, 1, strings.NewReader("data"), nil)
	fmt.Println("no such upload:", errors.Is(err, oss.ErrNoSuchUpload))

	_, err = client.HeadObject(ctx, "bucket", "key", nil)
	fmt.Println("does not exist:", errors.Is(err, os.ErrNotExist))

	var refused *oss.ServiceError
	if errors.As(err, &refused) {
		fmt.Println(refused.StatusCode, refused.Code, refused.Op)
	}
	// Output:
	// no such upload: true
	// does not exist: true
	// 404 NoSuchKey HeadObject
}

// Temporary keys, from STS or a metadata server, are fetched once, and again five minutes before they expire.
func ExampleCacheCredentials() {
	fetch := func(ctx context.Context) (oss.Credentials, error) {
		fmt.Println("fetching")
		return oss.Credentials{
			AccessKeyID: "STS.id", AccessKeySecret: "secret", SecurityToken: "token",
			Expires: time.Now().Add(time.Hour),
		}, nil
	}
	provider := oss.CacheCredentials(oss.CredentialsFunc(fetch), 5*time.Minute)
	for range 3 {
		keys, err := provider.Credentials(context.Background())
		fmt.Println(keys.AccessKeyID, err)
	}
	// Output:
	// fetching
	// STS.id <nil>
	// STS.id <nil>
	// STS.id <nil>
}

func ExampleClient_Parts() {
	ctx, client, done := example()
	defer done()

	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, number := range []int{3, 1, 2} {
		if _, err := client.UploadPart(ctx, up, number, strings.NewReader(strings.Repeat("x", number)),
			nil); err != nil {
			log.Fatal(err)
		}
	}
	for part, err := range client.Parts(ctx, up, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(part.Number, part.Size)
	}
	// Output:
	// 1 1
	// 2 2
	// 3 3
}

// A machine without keys sends a part with net/http alone.
func ExampleClient_PresignPart() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		log.Fatal(err)
	}
	signed, err := client.PresignPart(ctx, up, 1, time.Hour)
	if err != nil {
		log.Fatal(err)
	}

	// On the other machine:
	req, err := http.NewRequest(signed.Method, signed.URL, strings.NewReader("data"))
	if err != nil {
		log.Fatal(err)
	}
	req.Header = signed.Header.Clone()
	resp, err := srv.HTTPClient().Do(req) // http.DefaultClient outside of an example
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Header.Get("ETag"))
	// Output: 200 "8D777F385D3DFEC8815D20F7496026DC"
}

// Hooks are for metrics and traces. OnStart can put a span into the context.
func ExampleHooks() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "PutObject", Times: 1, Effect: osstest.Fail(503, "ServiceUnavailable")})

	cfg := srv.Config()
	cfg.Hooks = oss.Hooks{
		OnStart: func(ctx context.Context, op oss.Operation) context.Context {
			fmt.Println("start", op.Name, op.Key, op.Size)
			return ctx
		},
		OnAttempt: func(_ context.Context, _ oss.Operation, a oss.Attempt) {
			fmt.Println("attempt", a.Number, a.StatusCode, "retried:", a.RetryIn > 0)
		},
		OnEnd: func(_ context.Context, _ oss.Operation, err error) { fmt.Println("end", err) },
	}
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.PutObject(context.Background(), "bucket", "key", strings.NewReader("data"), nil)
	fmt.Println(err)
	// Output:
	// start PutObject key 4
	// attempt 1 503 retried: true
	// attempt 2 200 retried: false
	// end <nil>
	// <nil>
}

// Do sends any request, signed and retried like those of the other methods.
func ExampleClient_Do() {
	ctx, client, done := example()
	defer done()

	resp, err := client.Do(ctx, &oss.Request{
		Op:     "InitiateMultipartUpload",
		Method: http.MethodPost,
		Bucket: "bucket",
		Key:    "key",
		Query:  map[string][]string{"uploads": {""}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Header.Get("Content-Type"))

	_, err = client.Do(ctx, &oss.Request{Op: "PutBucketLifecycle", Method: http.MethodPut, Bucket: "Not A Name"})
	fmt.Println(err)
	// Output:
	// 200 application/xml
	// oss: bucket name "Not A Name" is not made of a-z, 0-9 and inner hyphens and underscores only
}
