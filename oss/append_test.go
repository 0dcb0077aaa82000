package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func init() {
	operations["AppendObject"] = func(ctx context.Context, c *oss.Client) error {
		res, err := c.AppendObject(ctx, "bucket", "key", 3, strings.NewReader("body"), nil)
		if err == nil && res.NextPosition != 7 {
			return impossible("AppendObject = %+v", res)
		}
		return err
	}
}

func TestAppendsMakeOneObject(t *testing.T) {
	for _, checksum := range []oss.Checksum{oss.ChecksumMD5, oss.ChecksumCRC64, oss.ChecksumNone} {
		srv := newServer(t, nil)
		c := srv.Client()
		opts := &oss.AppendOptions{Checksum: checksum,
			Object: &oss.ObjectOptions{ContentType: "text/x-log", Metadata: map[string]string{"a": "b"}}}
		var position int64
		for _, line := range []string{"one\n", "", "two\n", "three\n"} {
			res, err := c.AppendObject(t.Context(), "bucket", "log", position, strings.NewReader(line), opts)
			if err != nil {
				t.Fatal(err)
			}
			position += int64(len(line))
			if res.NextPosition != position || res.ETag == "" || res.RequestID == "" {
				t.Errorf("AppendObject = %+v, want the next position %d", res, position)
			}
			opts = &oss.AppendOptions{Checksum: checksum, CRC64: &res.CRC64}
			if position == 0 {
				opts = nil
			}
		}
		got, _ := srv.Object("bucket", "log")
		if string(got.Data) != "one\ntwo\nthree\n" || got.Header.Get("Content-Type") != "text/x-log" ||
			got.Header.Get("x-oss-meta-a") != "b" {
			t.Errorf("object is %q, %v", got.Data, got.Header)
		}
		if *opts.CRC64 == 0 || fmt.Sprint(*opts.CRC64) != crc(string(got.Data)) {
			t.Errorf("CRC-64 is %d, want %s", *opts.CRC64, crc(string(got.Data)))
		}
	}
}

func TestAnAppendIsDoneOnceWhateverHappensToIt(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect osstest.Effect
		times  int
	}{
		{"lost reply", osstest.LoseReply(), 1},
		{"lost connection", osstest.Drop(), 2},
		{"internal error", osstest.Fail(500, "InternalError"), 2},
		{"page of a proxy", osstest.Fail(502, ""), 2},
		{"throttled", osstest.Fail(503, "ServiceUnavailable"), 2},
		{"half a body", osstest.Truncate(2), 2},
		{"damaged", osstest.Corrupt(), 2},
	} {
		for _, known := range []bool{false, true} {
			for _, position := range []int{0, 4} {
				synctest.Test(t, func(t *testing.T) {
					srv := osstest.NewServer(nil)
					defer srv.Close()
					c := srv.Client()
					opts := new(oss.AppendOptions)
					if position > 0 {
						res, err := c.AppendObject(t.Context(), "bucket", "key", 0, strings.NewReader("old\n"), nil)
						if err != nil {
							t.Fatal(err)
						}
						if known {
							opts.CRC64 = &res.CRC64
						}
					}
					fault := srv.Inject(osstest.Fault{Op: "AppendObject", Times: tt.times, Effect: tt.effect})
					res, err := c.AppendObject(t.Context(), "bucket", "key", int64(position),
						strings.NewReader("new\n"), opts)
					want := "old\nnew\n"[4-position:]
					got, _ := srv.Object("bucket", "key")
					if err != nil || string(got.Data) != want ||
						res.NextPosition != int64(len(want)) || fault.Fired() != tt.times {
						t.Fatalf("%s, CRC known %t: object is %q, AppendObject = %+v, %v",
							tt.name, known, got.Data, res, err)
					}
					if fmt.Sprint(res.CRC64) != crc(want) || res.ETag != got.ETag {
						t.Errorf("%s, CRC known %t: AppendObject = %+v, want the CRC-64 %s",
							tt.name, known, res, crc(want))
					}
				})
			}
		}
	}
}

// Another program appends while the reply to an append is lost: whose bytes are at the position decides.
func TestALostAppendIsNotTakenForThatOfAnother(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect osstest.Effect
		other  []string // appended by the other program before the append is looked for
		want   string
		ok     bool
	}{
		{"the other was first", osstest.Drop(), []string{"XYZ\n"}, "old\nXYZ\n", false},
		{"the other was first, with more", osstest.Drop(), []string{"XYZ\n", "more\n"}, "old\nXYZ\nmore\n", false},
		{"the other was first, with less", osstest.Drop(), []string{"X"}, "old\nX", false},
		{"the other was first, with the same", osstest.Drop(), []string{"new\n"}, "old\nnew\n", true},
		{"the other came behind", osstest.LoseReply(), []string{"XYZ\n"}, "old\nnew\nXYZ\n", true},
	} {
		for _, known := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				other := srv.Client()
				first, err := other.AppendObject(t.Context(), "bucket", "key", 0, strings.NewReader("old\n"), nil)
				if err != nil {
					t.Fatal(err)
				}
				cfg := srv.Config()
				done := false
				cfg.Hooks.OnAttempt = func(ctx context.Context, op oss.Operation, a oss.Attempt) {
					if done || op.Name != "AppendObject" {
						return
					}
					done = true
					for _, text := range tt.other {
						object, _ := srv.Object("bucket", "key")
						if _, err := other.AppendObject(ctx, "bucket", "key", int64(len(object.Data)),
							strings.NewReader(text), nil); err != nil {
							t.Error(err)
						}
					}
				}
				opts := new(oss.AppendOptions)
				if known {
					opts.CRC64 = &first.CRC64
				}
				srv.Inject(osstest.Fault{Op: "AppendObject", Times: 1, Effect: tt.effect})
				res, err := newClient(t, cfg).AppendObject(t.Context(), "bucket", "key", 4,
					strings.NewReader("new\n"), opts)
				got, _ := srv.Object("bucket", "key")
				if (err == nil) != tt.ok || string(got.Data) != tt.want {
					t.Fatalf("%s, CRC known %t: %+v, %v, object is %q, want %q", tt.name, known,
						res, err, got.Data, tt.want)
				}
				if tt.ok && res.NextPosition != 8 {
					t.Errorf("%s, CRC known %t: AppendObject = %+v, want the next position 8", tt.name, known, res)
				}
				if tt.ok && (known || len(tt.want) == 8) && fmt.Sprint(res.CRC64) != crc("old\nnew\n") {
					t.Errorf("%s, CRC known %t: CRC-64 is %d", tt.name, known, res.CRC64)
				}
			})
		}
	}
}

func TestAnAppendThatIsRefusedOrDamagedIsAnError(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	appendAt := func(key string, position int64, opts *oss.AppendOptions) error {
		_, err := c.AppendObject(t.Context(), "bucket", key, position, strings.NewReader("new"), opts)
		return err
	}
	srv.PutObject("bucket", "put", []byte("123"))
	if err := appendAt("put", 3, nil); !errors.Is(err, oss.ErrNotAppendable) {
		t.Errorf("append to an object that was put: %v", err)
	}
	if err := appendAt("key", 3, nil); !errors.Is(err, oss.ErrPosition) {
		t.Errorf("append to nothing at 3: %v", err)
	}
	if err := appendAt("key", 0, nil); err != nil {
		t.Error(err)
	}
	if err := appendAt("key", 0, nil); !errors.Is(err, oss.ErrPosition) {
		t.Errorf("append at 0 again: %v", err)
	}
	before := len(srv.Requests("AppendObject"))
	wrong := uint64(1)
	var damaged *oss.ChecksumError
	if err := appendAt("key", 3, &oss.AppendOptions{CRC64: &wrong}); !errors.As(err, &damaged) {
		t.Errorf("append with another CRC-64: %v, want a ChecksumError", err)
	}
	srv.Inject(osstest.Fault{Op: "AppendObject", Effect: osstest.Corrupt()})
	if err := appendAt("other", 0, &oss.AppendOptions{Checksum: oss.ChecksumCRC64}); !errors.As(err, &damaged) {
		t.Errorf("damaged append: %v, want a ChecksumError", err)
	} else if strings.Count(err.Error(), "oss: ") != 1 || damaged.Attempts != 1 {
		t.Errorf("the error %q names the operation more than once, or lacks the attempts", err)
	}
	if n := len(srv.Requests("AppendObject")) - before; n != 2 {
		t.Errorf("%d requests, want each append sent once", n)
	}
}

func TestBadAppendsAreNamedBeforeAnyRequest(t *testing.T) {
	c := play(func(*http.Request, string) (*http.Response, error) { panic("a request is sent") }).client(t,
		oss.Config{})
	one := uint64(1)
	for _, tt := range []struct {
		name, want string
		position   int64
		body       oss.Body
		opts       *oss.AppendOptions
	}{
		{"negative position", "position -1", -1, strings.NewReader("x"), nil},
		{"no body", "is nil", 0, nil, nil},
		{"too large", "is larger than", oss.MaxPartSize, strings.NewReader("x"), nil},
		{"headers of an object that exists", "AppendOptions.Object", 1, strings.NewReader("x"),
			&oss.AppendOptions{Object: new(oss.ObjectOptions)}},
		{"CRC-64 of nothing", "AppendOptions.CRC64", 0, strings.NewReader("x"), &oss.AppendOptions{CRC64: &one}},
		{"overwriting", "ForbidOverwrite", 0, strings.NewReader("x"),
			&oss.AppendOptions{Object: &oss.ObjectOptions{ForbidOverwrite: true}}},
		{"checksum", "checksum 7", 0, strings.NewReader("x"), &oss.AppendOptions{Checksum: 7}},
		{"traffic limit", "traffic limit 1", 0, strings.NewReader("x"), &oss.AppendOptions{TrafficLimit: 1}},
		{"callback", "X-Oss-Callback", 0, strings.NewReader("x"),
			&oss.AppendOptions{Header: http.Header{"x-oss-callback": {"e30="}}}},
	} {
		_, err := c.AppendObject(t.Context(), "bucket", "key", tt.position, tt.body, tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// Each append begins where the last one ended, and is given the CRC-64 so far, so that OSS's is compared.
func ExampleClient_AppendObject() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()

	var position int64
	opts := &oss.AppendOptions{Object: &oss.ObjectOptions{ContentType: "text/plain"}}
	for _, line := range []string{"first\n", "second\n"} {
		res, err := client.AppendObject(ctx, "bucket", "app.log", position, strings.NewReader(line), opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		position, opts = res.NextPosition, &oss.AppendOptions{CRC64: &res.CRC64}
	}
	fmt.Println(position)
	// Output: 13
}
