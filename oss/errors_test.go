package oss_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

func TestServiceErrorMatchesItsKinds(t *testing.T) {
	kinds := []error{
		oss.ErrNoSuchUpload, oss.ErrNoSuchKey, oss.ErrNoSuchBucket, oss.ErrAlreadyExists, oss.ErrAccessDenied,
		oss.Code("Whatever"), oss.Code(""), fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid,
	}
	for _, tt := range []struct {
		err  oss.ServiceError
		want []error
	}{
		{oss.ServiceError{StatusCode: 404, Code: oss.ErrNoSuchUpload}, []error{oss.ErrNoSuchUpload, fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404, Code: oss.ErrNoSuchKey}, []error{oss.ErrNoSuchKey, fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404, Code: oss.ErrNoSuchBucket}, []error{oss.ErrNoSuchBucket, fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404, Code: "NoSuchVersion"}, []error{fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404, Code: "SymlinkTargetNotExist"}, []error{fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404}, []error{fs.ErrNotExist}},
		{oss.ServiceError{StatusCode: 404, Code: "Whatever"}, []error{oss.Code("Whatever")}},
		{oss.ServiceError{StatusCode: 409, Code: oss.ErrAlreadyExists}, []error{oss.ErrAlreadyExists, fs.ErrExist}},
		{oss.ServiceError{StatusCode: 403, Code: oss.ErrAccessDenied}, []error{oss.ErrAccessDenied, fs.ErrPermission}},
		{oss.ServiceError{StatusCode: 403}, []error{fs.ErrPermission}},
		{oss.ServiceError{StatusCode: 500}, nil},
	} {
		var got []error
		for _, kind := range kinds {
			if errors.Is(fmt.Errorf("wrapped: %w", &tt.err), kind) {
				got = append(got, kind)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%v matches %v, want %v", &tt.err, got, tt.want)
		}
	}
}

func TestServiceErrorIsOneLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  oss.ServiceError
		want string
	}{
		{"everything", oss.ServiceError{
			Op: "UploadPart", Bucket: "b", Key: "k", PartNumber: 7, StatusCode: 404, Code: "NoSuchUpload",
			Message:   "Gone.",
			RequestID: "ID", EC: "0042-00000104", Attempts: 3,
		}, "oss: UploadPart oss://b/k part 7: 404 NoSuchUpload: Gone., request ID ID, EC 0042-00000104, after 3 " +
			"attempts"},
		{"little", oss.ServiceError{Op: "ListBuckets", StatusCode: 403}, "oss: ListBuckets oss:: 403 Forbidden"},
		{"unknown status", oss.ServiceError{Op: "GetObject", Bucket: "b", StatusCode: 799},
			"oss: GetObject oss://b: 799"},
		{"line feeds", oss.ServiceError{Op: "GetObject", Bucket: "b", Key: "a\nb", StatusCode: 500, Code: "X\nY",
			Message: "one\r\ntwo", RequestID: "I\nD"},
			"oss: GetObject oss://b/a\\nb: 500 X\\nY: one\\r\\ntwo, request ID I\\nD"},
		{"page", oss.ServiceError{Op: "GetObject", Bucket: "b", StatusCode: 502,
			Body: []byte("<html>\n" + strings.Repeat("x", 1000))},
			`oss: GetObject oss://b: 502 Bad Gateway: reply is not from OSS: "<html>\n` + strings.Repeat("x",
				193) + `"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("Error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecksumErrorIsOneLine(t *testing.T) {
	for _, tt := range []struct {
		err  oss.ChecksumError
		want string
	}{
		{oss.ChecksumError{Op: "UploadPart", Bucket: "b", Key: "k", PartNumber: 2, Local: 1, Remote: 255},
			"oss: UploadPart oss://b/k part 2: CRC-64 is 0000000000000001 here and 00000000000000FF in OSS"},
		{oss.ChecksumError{Op: "CompleteMultipartUpload", Bucket: "b", Key: "k", Local: 1},
			"oss: CompleteMultipartUpload oss://b/k: the object exists and is wrong: CRC-64 is 0000000000000001 " +
				"here and 0000000000000000 in OSS"},
		{oss.ChecksumError{Op: "PutObject", Bucket: "b", Key: "a\nb", Err: errors.New("no")},
			"oss: PutObject oss://b/a\\nb: corrupted in transit: no"},
	} {
		if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
			t.Errorf("Error (-want +got):\n%s", diff)
		}
	}
}

func TestRefusalsOfTheServerHaveTheirFacts(t *testing.T) {
	srv := newServer(t, &osstest.Options{Buckets: []string{"bucket"}})
	c := srv.Client()
	get := func(bucket string) error { _, err := c.GetObject(t.Context(), bucket, "none", nil); return err }
	head := func(bucket string) error { _, err := c.HeadObject(t.Context(), bucket, "none", nil); return err }
	for _, tt := range []struct {
		name string
		err  error
		code oss.Code
		op   string
	}{
		{"GET key", get("bucket"), oss.ErrNoSuchKey, "GetObject"},
		{"GET bucket", get("other"), oss.ErrNoSuchBucket, "GetObject"},
		{"HEAD key", head("bucket"), oss.ErrNoSuchKey, "HeadObject"},
		{"HEAD bucket", head("other"), oss.ErrNoSuchBucket, "HeadObject"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e *oss.ServiceError
			if !errors.As(tt.err, &e) || !errors.Is(tt.err, tt.code) || !errors.Is(tt.err, fs.ErrNotExist) {
				t.Fatalf("%v, want %s", tt.err, tt.code)
			}
			if e.Op != tt.op || e.StatusCode != 404 || e.RequestID == "" || e.HostID == "" || e.EC == "" ||
				e.Message == "" ||
				e.HelpURL == "" || len(e.Body) > 0 || e.Attempts != 1 || !strings.Contains(e.Error(), e.RequestID) {
				t.Errorf("%#v", e)
			}
		})
	}
}

func TestCatalogueK6RefusedV1NamesTheCure(t *testing.T) {
	srv := newServer(t, &osstest.Options{RefuseV1: true})
	cfg := srv.Config()
	cfg.Region, cfg.Signer, cfg.Endpoint = "", signer.V1{}, "oss-cn-hangzhou.aliyuncs.com"
	_, err := newClient(t, cfg).PutObject(t.Context(), "bucket", "key", strings.NewReader(""), nil)
	if err == nil || !strings.Contains(err.Error(), "set Config.Region") {
		t.Errorf("V1: %v, want an error that names Region", err)
	}
	cfg.Region, cfg.Signer = "cn-hangzhou", nil
	if _, err := newClient(t, cfg).PutObject(t.Context(), "bucket", "key", strings.NewReader(""), nil); err != nil {
		t.Errorf("V4: %v", err)
	}
}

func TestWrongEndpointNamesTheRightOne(t *testing.T) {
	cfg := newServer(t, nil).Config()
	cfg.Region = "cn-beijing"
	_, err := newClient(t, cfg).PutObject(t.Context(), "bucket", "key", strings.NewReader(""), nil)
	var e *oss.ServiceError
	if !errors.As(err, &e) || e.Endpoint != "oss-cn-hangzhou.aliyuncs.com" ||
		!strings.Contains(err.Error(), "the bucket is at "+e.Endpoint) {
		t.Errorf("bucket in another region: %v", err)
	}
}

func TestSignatureMismatchTellsWhatWasHashed(t *testing.T) {
	srv := newServer(t, nil)
	cfg := srv.Config()
	cfg.Credentials = oss.Credentials{AccessKeyID: osstest.AccessKeyID, AccessKeySecret: "wrong"}
	for _, tt := range []struct {
		signer          signer.Signer
		text, canonical string
	}{{signer.V1{}, "/bucket/key", ""}, {signer.V4{}, "OSS4-HMAC-SHA256\n", "GET\n/bucket/key\n"}} {
		cfg.Signer = tt.signer
		_, err := newClient(t, cfg).GetObject(t.Context(), "bucket", "key", nil)
		var e *oss.ServiceError
		if !errors.As(err, &e) || !errors.Is(err, oss.ErrSignatureMismatch) ||
			!strings.Contains(e.StringToSign, tt.text) ||
			!strings.HasPrefix(e.CanonicalRequest, tt.canonical) {
			t.Errorf("%T: %#v, want a StringToSign with %q and a CanonicalRequest with %q", tt.signer, err, tt.text,
				tt.canonical)
		}
	}
}
