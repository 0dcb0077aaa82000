package signer_test

import (
	"crypto/hmac"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

func ExampleV1_Sign() {
	req, _ := http.NewRequest("GET", "https://examplebucket.oss-cn-hangzhou.aliyuncs.com/?resourceGroup", nil)
	err := signer.V1{}.Sign(req, signer.Params{
		Bucket:      "examplebucket",
		Time:        time.Date(2022, 12, 28, 10, 27, 41, 0, time.UTC),
		Credentials: signer.Credentials{AccessKeyID: "ak", AccessKeySecret: "sk"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(req.Header.Get("Date"))
	fmt.Println(req.Header.Get("Authorization"))
	// Output:
	// Wed, 28 Dec 2022 10:27:41 GMT
	// OSS ak:DY8Lx1u51k4sstmeoPS6H7qZbxQ=
}

func ExampleV4_Sign() {
	req, _ := http.NewRequest("GET", "https://examplebucket.oss-cn-hangzhou.aliyuncs.com/exampleobject", nil)
	err := signer.V4{}.Sign(req, signer.Params{
		Bucket:      "examplebucket",
		Key:         "exampleobject",
		Region:      "cn-hangzhou",
		Time:        time.Date(2024, 12, 3, 3, 23, 7, 0, time.UTC),
		Credentials: signer.Credentials{AccessKeyID: "testid", AccessKeySecret: "yourAccessKeySecret"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.ReplaceAll(req.Header.Get("Authorization"), ",", ",\n"))
	// Output:
	// OSS4-HMAC-SHA256 Credential=testid/20241203/cn-hangzhou/oss/aliyun_v4_request,
	// Signature=84a2d4db84320b539edf9fcbf9f3e5a57177cc9febf8637dc9c83772b35e1395
}

// The example of the OSS documentation: a link that is valid for a day, and only with this Host header.
func ExampleV4_Presign() {
	req, _ := http.NewRequest("GET", "https://examplebucket.oss-cn-hangzhou.aliyuncs.com/exampleobject", nil)
	err := signer.V4{AdditionalHeaders: []string{"host"}}.Presign(req, signer.Params{
		Bucket:      "examplebucket",
		Key:         "exampleobject",
		Region:      "cn-hangzhou",
		Time:        time.Date(2024, 12, 3, 3, 23, 7, 0, time.UTC),
		Credentials: signer.Credentials{AccessKeyID: "testid", AccessKeySecret: "yourAccessKeySecret"},
	}, 24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.ReplaceAll(req.URL.String(), "&", "\n&"))
	// Output:
	// https://examplebucket.oss-cn-hangzhou.aliyuncs.com/exampleobject?x-oss-additional-headers=host
	// &x-oss-credential=testid%2F20241203%2Fcn-hangzhou%2Foss%2Faliyun_v4_request
	// &x-oss-date=20241203T032307Z
	// &x-oss-expires=86400
	// &x-oss-signature-version=OSS4-HMAC-SHA256
	// &x-oss-signature=a9ad2ce702a93c7c36ace35dd4e1b80cb76a999c890d7dfe78ff342a23dac8e0
}

// A proxy that adds a header is a common cause of SignatureDoesNotMatch. The reply quotes the string to sign as OSS
// computed it. The lines that differ show the cause.
func ExampleV1_StringToSign() {
	req, _ := http.NewRequest("PUT", "https://photos.oss-cn-hangzhou.aliyuncs.com/summer%202026/cat.jpg", nil)
	p := signer.Params{
		Bucket:      "photos",
		Key:         "summer 2026/cat.jpg",
		Time:        time.Date(2026, 6, 17, 20, 30, 44, 0, time.UTC),
		Credentials: signer.Credentials{AccessKeyID: "ak", AccessKeySecret: "sk"},
	}
	if err := (signer.V1{}).Sign(req, p); err != nil {
		log.Fatal(err)
	}

	const reply = "PUT\n\nimage/jpeg\nWed, 17 Jun 2026 20:30:44 GMT\n/photos/summer 2026/cat.jpg"
	ours := strings.Split(signer.V1{}.StringToSign(req, p), "\n")
	for i, line := range strings.Split(reply, "\n") {
		if line != ours[i] {
			fmt.Printf("line %d: OSS has %q, we have %q\n", i+1, line, ours[i])
		}
	}
	// Output:
	// line 3: OSS has "image/jpeg", we have ""
}

func ExampleV4_CanonicalRequest() {
	req, _ := http.NewRequest("POST", "https://photos.oss-cn-hangzhou.aliyuncs.com/summer%202026/cat.jpg?uploads", nil)
	req.Header.Set("Content-Type", "image/jpeg")
	p := signer.Params{
		Bucket:      "photos",
		Key:         "summer 2026/cat.jpg",
		Region:      "cn-hangzhou",
		Time:        time.Date(2026, 6, 17, 20, 30, 44, 0, time.UTC),
		Credentials: signer.Credentials{AccessKeyID: "ak", AccessKeySecret: "sk"},
	}
	if err := (signer.V4{}).Sign(req, p); err != nil {
		log.Fatal(err)
	}
	for line := range strings.SplitSeq(signer.V4{}.CanonicalRequest(req, p), "\n") {
		fmt.Printf("%q\n", line)
	}
	// Output:
	// "POST"
	// "/photos/summer%202026/cat.jpg"
	// "uploads"
	// "content-type:image/jpeg"
	// "x-oss-content-sha256:UNSIGNED-PAYLOAD"
	// "x-oss-date:20260617T203044Z"
	// ""
	// ""
	// "UNSIGNED-PAYLOAD"
}

func ExampleCredentials() {
	c := signer.Credentials{AccessKeyID: "ak", AccessKeySecret: "sk"}
	fmt.Printf("%+v\n", c)
	// Output:
	// {AccessKeyID:ak AccessKeySecret:*** SecurityToken: Expires:never}
}

// A server computes the expected signature from the request and its own copy of the secret.
func ExampleV1_Signature() {
	req, _ := http.NewRequest("GET", "http://bucket.oss-cn-hangzhou.aliyuncs.com/key?versionId=versionId"+
		"&Expires=1699807420&OSSAccessKeyId=ak&Signature=dcLTea%2BYh9ApirQ8o8dOPqtvJXQ%3D", nil)
	want := signer.V1{}.Signature(req, signer.Params{
		Bucket:      "bucket",
		Key:         "key",
		Credentials: signer.Credentials{AccessKeySecret: "sk"},
	})
	fmt.Println(hmac.Equal([]byte(want), []byte(req.URL.Query().Get("Signature"))))
	// Output:
	// true
}
