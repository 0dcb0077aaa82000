package oss_test

import (
	"context"
	"crypto/md5"
	"errors"
	"io"
	"math/bits"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// send stores "body" by one of the operations that have a body.
type send struct {
	name string
	op   func(t *testing.T, c *oss.Client, s oss.Checksum) error
	part int // in errors
}

var sends = []send{
	{"UploadPart", func(t *testing.T, c *oss.Client, s oss.Checksum) error {
		_, err := c.UploadPart(t.Context(), upload, 3, strings.NewReader("body"), &oss.PartOptions{Checksum: s})
		return err
	}, 3},
	{"PutObject", func(t *testing.T, c *oss.Client, s oss.Checksum) error {
		_, err := c.PutObject(t.Context(), upload.Bucket, upload.Key, strings.NewReader("body"),
			&oss.ObjectOptions{Checksum: s})
		return err
	}, 0},
}

func TestCatalogueI1DamagedBodyIsRefusedAndSentAgain(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	up, err := c.InitiateMultipartUpload(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	hit := srv.Inject(osstest.Fault{Op: "UploadPart", Times: 2, Effect: osstest.Corrupt()})
	part, err := c.UploadPart(t.Context(), up, 1, strings.NewReader("body"), nil)
	if err != nil || part.ETag != etag("body") || hit.Fired() != 2 {
		t.Errorf("UploadPart = %+v, %v after %d flips", part, err, hit.Fired())
	}
	for i, r := range srv.Requests("UploadPart") {
		if want := []int{400, 400, 200}[i]; r.StatusCode != want {
			t.Errorf("attempt %d was answered %d, want %d", i+1, r.StatusCode, want)
		}
	}
}

func TestCatalogueI1BodyThatIsAlwaysDamagedIsAChecksumError(t *testing.T) {
	for _, tt := range sends {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(refuses(400, "InvalidDigest"))
				err := tt.op(t, s.client(t, oss.Config{}), oss.ChecksumMD5)
				var damaged *oss.ChecksumError
				var refused *oss.ServiceError
				if !errors.As(err, &damaged) || !errors.As(err, &refused) || !errors.Is(err, oss.ErrInvalidDigest) {
					t.Fatalf("%s: %v, want a ChecksumError that wraps InvalidDigest", tt.name, err)
				}
				if damaged.Op != tt.name || damaged.Bucket != "bucket" || damaged.Key != "dir/key" ||
					damaged.PartNumber != tt.part || refused.Attempts != 4 {
					t.Errorf("%#v after %d attempts", damaged, refused.Attempts)
				}
			})
		})
	}
}

func TestChecksumHeadersFollowTheOption(t *testing.T) {
	for _, tt := range sends {
		for s, want := range map[oss.Checksum]string{oss.ChecksumMD5: "hBotaJrYa9FhFEdFPCLG/A==", oss.ChecksumCRC64: "",
			oss.ChecksumNone: ""} {
			script := play(stores)
			if err := tt.op(t, script.client(t, oss.Config{}), s); err != nil {
				t.Error(err)
			}
			if got := script.messages()[0].Header.Get("Content-MD5"); got != want {
				t.Errorf("%s with checksum %d sent Content-MD5 %q, want %q", tt.name, s, got, want)
			}
		}
	}
}

func TestKnownMD5SavesReadingTheBody(t *testing.T) {
	reads := 0
	body := bodyFunc{4, func(p []byte, off int64) (int, error) {
		if off == 0 {
			reads++
		}
		return strings.NewReader("body").ReadAt(p, off)
	}}
	sum := md5.Sum([]byte("body"))
	s := play(stores)
	if _, err := s.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, body,
		&oss.PartOptions{MD5: sum[:]}); err != nil {
		t.Error(err)
	}
	if got := s.messages()[0].Header.Get("Content-MD5"); got != "hBotaJrYa9FhFEdFPCLG/A==" || reads != 1 {
		t.Errorf("sent Content-MD5 %q after reading the body %d times, want once", got, reads)
	}
}

func TestHashingABodyEndsWithItsCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	body := bodyFunc{1 << 30, func(p []byte, off int64) (int, error) {
		if reads++; reads == 3 {
			cancel()
		}
		return len(p), nil
	}}
	s := play(says(200, ""))
	_, err := s.client(t, oss.Config{}).PutObject(ctx, "bucket", "key", body, nil)
	if !errors.Is(err, context.Canceled) || reads != 3 || len(s.messages()) != 0 {
		t.Errorf("PutObject: %v after %d reads and %d requests", err, reads, len(s.messages()))
	}
}

func TestBodyThatCannotBeHashedIsNotSent(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		n    int // bytes of the only read
		err  error
		want error
	}{
		{"short", 3, io.EOF, io.ErrUnexpectedEOF},
		{"stuck", 0, nil, io.ErrNoProgress},
		{"broken", 3, broken, broken},
		{"broken at the end", 10, broken, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, ""))
			body := bodyFunc{10, func([]byte, int64) (int, error) { return tt.n, tt.err }}
			_, err := s.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, body, nil)
			if !errors.Is(err, tt.want) || len(s.messages()) != 0 {
				t.Errorf("UploadPart: %v after %d requests", err, len(s.messages()))
			}
		})
	}
}

func TestKnownCRC64IsHeldAgainstTheReport(t *testing.T) {
	right, err := strconv.ParseUint(crc("body"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	wrong := right + 1
	for _, tt := range []struct {
		known    *uint64
		sum      oss.Checksum
		accepted bool
	}{
		{&right, oss.ChecksumMD5, true}, {&right, oss.ChecksumCRC64, true},
		{&wrong, oss.ChecksumMD5, false}, {&wrong, oss.ChecksumCRC64, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := play(says(200, "", "ETag", etag("body"), "x-oss-hash-crc64ecma", crc("body")))
			part, err := s.client(t, oss.Config{}).UploadPart(t.Context(), upload, 1, strings.NewReader("body"),
				&oss.PartOptions{Checksum: tt.sum, CRC64: tt.known})
			var damaged *oss.ChecksumError
			switch {
			case tt.accepted && (err != nil || part.CRC64 != right):
				t.Errorf("checksum %d, CRC-64 %d: %+v, %v", tt.sum, *tt.known, part, err)
			case !tt.accepted && (!errors.As(err, &damaged) || damaged.Local != wrong || damaged.Remote != right):
				t.Errorf("checksum %d, CRC-64 %d: %v", tt.sum, *tt.known, err)
			}
		})
	}
}

func TestCatalogueI2WrongReportIsDamage(t *testing.T) {
	report := func(etag, crc string) answer { return says(200, "", "ETag", etag, "x-oss-hash-crc64ecma", crc) }
	for _, tt := range []struct {
		name     string
		reply    answer
		accepted map[oss.Checksum]bool
	}{
		{"all right", report(etag("body"), crc("body")),
			map[oss.Checksum]bool{oss.ChecksumMD5: true, oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"ETag in small letters", report(strings.ToLower(etag("body")), crc("body")),
			map[oss.Checksum]bool{oss.ChecksumMD5: true, oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"no CRC-64", says(200, "", "ETag", etag("body")),
			map[oss.Checksum]bool{oss.ChecksumMD5: true, oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"ETag of another rule, beside the right CRC-64 (BR40)", report(etag("yobd"), crc("body")),
			map[oss.Checksum]bool{oss.ChecksumMD5: true, oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"wrong ETag and no CRC-64", says(200, "", "ETag", etag("yobd")),
			map[oss.Checksum]bool{oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"no ETag", report("", crc("body")), map[oss.Checksum]bool{oss.ChecksumCRC64: true, oss.ChecksumNone: true}},
		{"wrong CRC-64", report(etag("body"), "1"), map[oss.Checksum]bool{oss.ChecksumNone: true}},
	} {
		for _, op := range sends {
			for sum := oss.ChecksumMD5; sum <= oss.ChecksumNone; sum++ {
				t.Run(tt.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := play(tt.reply)
						err := op.op(t, s.client(t, oss.Config{}), sum)
						var damaged *oss.ChecksumError
						if tt.accepted[sum] {
							if err != nil || len(s.messages()) != 1 {
								t.Errorf("%s with checksum %d: %v after %d requests", op.name, sum, err,
									len(s.messages()))
							}
						} else if !errors.As(err, &damaged) || damaged.PartNumber != op.part || len(s.messages()) != 4 {
							t.Errorf("%s with checksum %d: %v after %d requests, want a ChecksumError after 4", op.name,
								sum, err, len(s.messages()))
						}
					})
				})
			}
		}
	}
}

func TestASuccessThatTellsNothingOfTheBytesIsNone(t *testing.T) {
	page := says(200, "<html>log in first</html>", "Content-Type", "text/html")
	for _, op := range sends {
		for sum := oss.ChecksumMD5; sum <= oss.ChecksumNone; sum++ {
			synctest.Test(t, func(t *testing.T) {
				s := play(page)
				err := op.op(t, s.client(t, oss.Config{}), sum)
				if err == nil || errors.As(err, new(*oss.ChecksumError)) || len(s.messages()) != 4 {
					t.Errorf("%s with checksum %d: %v after %d requests, want an error after 4", op.name, sum, err,
						len(s.messages()))
				}
				s = play(page, stores)
				if err := op.op(t, s.client(t, oss.Config{}), sum); err != nil {
					t.Errorf("%s with checksum %d, once: %v", op.name, sum, err)
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: oss.AnonymousCredentials(),
			HTTPClient: &http.Client{
				Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/html"}},
						Body: http.NoBody, Request: r}, nil
				}),
			}})
		if info, err := c.HeadObject(t.Context(), "bucket", "key", nil); err == nil {
			t.Errorf("HeadObject of a page says %+v", info)
		}
	})
}

func TestAWrongReportOfAnEmptyBodyIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(says(200, "", "ETag", etag(""), "x-oss-hash-crc64ecma", "1"))
		_, err := s.client(t, oss.Config{}).PutObject(t.Context(), "bucket", "key", strings.NewReader(""), nil)
		var damaged *oss.ChecksumError
		if !errors.As(err, &damaged) || damaged.Local != 0 || damaged.Remote != 1 {
			t.Errorf("PutObject: %v, want a ChecksumError of 0 here and 1 there", err)
		}
	})
}

func TestCatalogueI2WrongReportOnceIsRetried(t *testing.T) {
	s := play(says(200, "", "ETag", etag("yobd")), stores)
	c := s.client(t, oss.Config{Retry: oss.Retry{MinWait: 1, MaxWait: 1}})
	if _, err := c.UploadPart(t.Context(), upload, 1, strings.NewReader("body"), nil); err != nil {
		t.Errorf("UploadPart: %v", err)
	}
}

func TestChecksumErrorHasBothSums(t *testing.T) {
	local, _ := strconv.ParseUint(crc("body"), 10, 64)
	remote := bits.Reverse64(local)
	s := play(says(200, "", "ETag", etag("body"), "x-oss-hash-crc64ecma", strconv.FormatUint(remote, 10)))
	_, err := s.client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}).UploadPart(t.Context(), upload, 1,
		strings.NewReader("body"), nil)
	var damaged *oss.ChecksumError
	if !errors.As(err, &damaged) || damaged.Local != local || damaged.Remote != remote {
		t.Errorf("UploadPart: %#v, want %X and %X", err, local, remote)
	}
}

func TestSuccessBeforeTheWholeBodyWasSentIsNone(t *testing.T) {
	early := transportFunc(func(r *http.Request) (*http.Response, error) {
		_, _ = io.ReadFull(r.Body, make([]byte, 2))
		return says(200, "", "ETag", etag("body"))(r, "")
	})
	c := newClient(t, oss.Config{Region: "cn-hangzhou", Credentials: keys, HTTPClient: &http.Client{Transport: early},
		Retry: oss.Retry{Attempts: 1}})
	for _, tt := range sends {
		err := tt.op(t, c, oss.ChecksumNone)
		var damaged *oss.ChecksumError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "after 2 of 4 bytes") {
			t.Errorf("%s: %v, want a ChecksumError", tt.name, err)
		}
	}
}

func TestGetObjectComparesAtTheEnd(t *testing.T) {
	gzip := &oss.GetOptions{Header: http.Header{"Accept-Encoding": {"gzip"}}}
	for _, tt := range []struct {
		name   string
		opts   *oss.GetOptions
		reply  answer
		want   string
		damage bool
	}{
		{"right", nil, says(200, "body", "x-oss-hash-crc64ecma", crc("body")), "body", false},
		{"wrong", nil, says(200, "yobd", "x-oss-hash-crc64ecma", crc("body")), "yobd", true},
		{"not reported", nil, says(200, "yobd"), "yobd", false},
		{"empty", nil, says(200, "", "x-oss-hash-crc64ecma", "0"), "", false},
		{"empty and wrong", nil, says(200, "", "x-oss-hash-crc64ecma", "7"), "", true},
		{"range", &oss.GetOptions{Offset: 1, Length: 2},
			says(206, "od", "x-oss-hash-crc64ecma", crc("body"), "Content-Range", "bytes 1-2/4"), "od", false},
		{"compressed on the way", gzip, says(200, "ybd", "x-oss-hash-crc64ecma", crc("body"), "Content-Encoding",
			"gzip"), "ybd", false},
		{"not compressed though it may be", gzip, says(200, "yobd", "x-oss-hash-crc64ecma", crc("body")), "yobd", true},
		{"compressed by its owner", nil, says(200, "yobd", "x-oss-hash-crc64ecma", crc("body"), "Content-Encoding",
			"gzip"), "yobd", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			obj, err := play(tt.reply).client(t, oss.Config{}).GetObject(t.Context(), "bucket", "key", tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Body.Close()
			b, err := io.ReadAll(obj.Body)
			var damaged *oss.ChecksumError
			if string(b) != tt.want || errors.As(err, &damaged) != tt.damage || err != nil && !tt.damage {
				t.Errorf("read %q, %v, want %q", b, err, tt.want)
			}
			if tt.damage {
				if n, again := obj.Body.Read(make([]byte, 1)); n != 0 || !errors.As(again, &damaged) {
					t.Errorf("reading on: %v, want the ChecksumError again", again)
				}
			}
		})
	}
}

func TestDamagedDownloadIsSeen(t *testing.T) {
	srv := newServer(t, nil)
	srv.PutObject("bucket", "key", []byte(content(100_000)))
	srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Corrupt()})
	obj, err := srv.Client().GetObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	var damaged *oss.ChecksumError
	if _, err := io.Copy(io.Discard, obj.Body); !errors.As(err, &damaged) || damaged.Op != "GetObject" ||
		damaged.Key != "key" {
		t.Errorf("Copy: %v, want a ChecksumError", err)
	}
}
