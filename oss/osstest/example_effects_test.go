package osstest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// codes prints how the Server answered.
func codes(srv *osstest.Server) {
	for _, r := range srv.Requests() {
		fmt.Println(strings.TrimSpace(fmt.Sprintln(r.Op, r.StatusCode, r.Code)))
	}
}

// The second request in a second is one too many. The client comes back a little later. The clock of the server stands
// still, so that both requests come in the same second on any machine.
func ExampleThrottle() {
	now := time.Now()
	srv := osstest.NewServer(&osstest.Options{Now: func() time.Time { return now }})
	defer srv.Close()
	srv.Inject(osstest.Fault{Above: 1, Times: 1,
		Effect: osstest.Throttle(&osstest.ThrottleOptions{Code: "QpsLimitExceeded"})})

	c, ctx := srv.Client(), context.Background()
	for range 2 {
		if _, err := c.PutObject(ctx, "bucket", "key", strings.NewReader("x"), nil); err != nil {
			fmt.Println(err)
		}
	}
	codes(srv)
	// Output:
	// PutObject 200
	// PutObject 429 QpsLimitExceeded
	// PutObject 200
}

// OSS does not wait for the end of a body that it is not going to take.
func ExampleFailAfter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Times: 1, Effect: osstest.FailAfter(1000, 503, "ServiceUnavailable")})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key",
		strings.NewReader(strings.Repeat("x", 1<<20)), nil)
	fmt.Println(err)
	for _, r := range srv.Requests() {
		fmt.Println(r.StatusCode, "after", r.Size, "bytes")
	}
	// Output:
	// <nil>
	// 503 after 1000 bytes
	// 200 after 1048576 bytes
}

// Half of a status line tells a client as much as no reply.
func ExampleCutReply() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	cut := srv.Inject(osstest.Fault{Times: 1, Effect: osstest.CutReply(10)})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
	fmt.Println(err, cut.Fired(), len(srv.Requests()))
	// Output: <nil> 1 2
}

// A 200 with half a document is no success, and the client asks again.
func ExampleShortReply() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Times: 1, Effect: osstest.ShortReply(100)})

	up, err := srv.Client().InitiateMultipartUpload(context.Background(), "bucket", "key", nil)
	fmt.Println(up.ID != "", err)
	fmt.Println("begun:", len(srv.Uploads()))
	// Output:
	// true <nil>
	// begun: 2
}

func ExampleWrongETag() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.WrongETag()})

	ctx, client := context.Background(), srv.Client()
	up, err := client.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		panic(err)
	}
	part, err := client.UploadPart(ctx, up, 1, strings.NewReader("content"), nil) // the CRC-64 is right
	if err != nil {
		panic(err)
	}
	_, err = client.CompleteMultipartUpload(ctx, up, []oss.Part{part}, nil)
	fmt.Println(errors.Is(err, oss.ErrInvalidPart))
	// Output: true
}

func ExampleWrongCRC64() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Effect: osstest.WrongCRC64()})

	opts := &oss.ObjectOptions{Checksum: oss.ChecksumCRC64}
	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("content"), opts)
	var damaged *oss.ChecksumError
	fmt.Println(errors.As(err, &damaged) && damaged.Local^damaged.Remote == 1)
	// Output: true
}

// The error keeps the reply of a load balancer, which shows where it comes from.
func ExampleProxyReply() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Effect: osstest.ProxyReply(502, "<html>bad gateway</html>")})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
	var refused *oss.ServiceError
	if errors.As(err, &refused) {
		fmt.Printf("%d %q %s, %d attempts\n", refused.StatusCode, refused.Code, refused.Body, refused.Attempts)
	}
	// Output: 502 "" <html>bad gateway</html>, 4 attempts
}

// A part crosses the abort of its upload, which is back until it is aborted once more.
func ExampleRedeliver() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Redeliver(time.Second)})

	c, ctx := srv.Client(), context.Background()
	up, _ := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	c.UploadPart(ctx, up, 1, strings.NewReader("content"), nil)
	c.AbortMultipartUpload(ctx, up)
	fmt.Println("aborted:", len(srv.Uploads()))
	for len(srv.Uploads()) == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("late part:", len(srv.Uploads()))
	c.AbortMultipartUpload(ctx, up)
	fmt.Println("aborted again:", len(srv.Uploads()))
	// Output:
	// aborted: 0
	// late part: 1
	// aborted again: 0
}

// The reply to a slow part that was stored is lost.
func ExampleTogether() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Times: 1, Effect: osstest.Together(osstest.Slow(1000), osstest.LoseReply())})

	_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("content"), nil)
	fmt.Println(err)
	codes(srv)
	// Output:
	// <nil>
	// PutObject 0
	// PutObject 200
}

// The client corrects its clock once.
func ExampleClockOff() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Effect: osstest.ClockOff(2 * time.Hour)})

	c := srv.Client()
	for range 2 {
		if _, err := c.PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil); err != nil {
			fmt.Println(err)
		}
	}
	codes(srv)
	// Output:
	// PutObject 403 RequestTimeTooSkewed
	// PutObject 200
	// PutObject 200
}

// The token dies with the second request. The provider has another by then.
func ExampleExpireToken() {
	token := func(s string) oss.Credentials {
		return oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: s}
	}
	srv := osstest.NewServer(&osstest.Options{Credentials: []oss.Credentials{token("first"), token("second")}})
	defer srv.Close()
	srv.Inject(osstest.Fault{Skip: 1, Times: 1, Effect: osstest.ExpireToken()})

	asked := 0
	cfg := srv.Config()
	cfg.Credentials = oss.CacheCredentials(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
		asked++
		return token([]string{"first", "second"}[asked-1]), nil
	}), time.Minute)
	c, err := oss.NewClient(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		if _, err := c.PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil); err != nil {
			fmt.Println(err)
		}
	}
	codes(srv)
	// Output:
	// PutObject 200
	// PutObject 403 SecurityTokenExpired
	// PutObject 200
}

func ExampleRevokeToken() {
	keys := oss.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "token"}
	srv := osstest.NewServer(&osstest.Options{Credentials: []oss.Credentials{keys}})
	defer srv.Close()
	srv.Inject(osstest.Fault{Times: 1, Effect: osstest.RevokeToken()})

	for range 2 { // the fault strikes once, and the token is dead for good
		_, err := srv.Client().PutObject(context.Background(), "bucket", "key", strings.NewReader("x"), nil)
		fmt.Println(errors.Is(err, oss.Code("InvalidSecurityToken")))
	}
	// Output:
	// true
	// true
}

// Every second connection is slow, here so slow that a second request over another connection is faster. In a
// testing/synctest bubble this takes no time.
func ExampleSlowConnections() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.Inject(osstest.Fault{Effect: osstest.SlowConnections(1000, 0.5)})

	for _, patience := range []time.Duration{time.Minute, 100 * time.Millisecond} {
		own := srv.HTTPClient().Transport.(*http.Transport).Clone() // with a connection of its own
		cfg := srv.Config()
		cfg.HTTPClient = &http.Client{Transport: own}
		c, err := oss.NewClient(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err = c.PutObject(ctx, "bucket", "key", strings.NewReader(strings.Repeat("x", 100)), nil)
		fmt.Println("slow:", errors.Is(err, context.DeadlineExceeded))
		cancel()
		own.CloseIdleConnections()
	}
	// Output:
	// slow: false
	// slow: true
}

// The seed makes the same things happen to the same requests every time.
func ExampleChaos() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(7)})

	c, ctx := srv.Client(), context.Background()
	for i := range 5 {
		if _, err := c.PutObject(ctx, "bucket", fmt.Sprint("key", i), strings.NewReader("content"), nil); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(len(srv.Objects("bucket")), "objects in spite of")
	for _, s := range chaos.Strikes() {
		fmt.Println(s)
	}
	// Output:
	// 5 objects in spite of
	// request 2, PutObject oss://bucket/key1, try 1: LoseReply
	// request 6, PutObject oss://bucket/key4, try 1: CutReply(30)
}

// A mixture of one's own, for the parts of an upload only.
func ExampleRate() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	chaos := srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Chaos(1,
		osstest.Rate{Share: 0.5, Effect: osstest.Drop()},
		osstest.Rate{Share: 0.5, Effect: osstest.Throttle(nil)},
	)})

	c, ctx := srv.Client(), context.Background()
	up, _ := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	part, err := c.UploadPart(ctx, up, 1, strings.NewReader("content"), nil)
	fmt.Println(part.Size, err, "after", chaos.Fired(), "strikes: never more than two in a row")
	// Output: 7 <nil> after 2 strikes: never more than two in a row
}
