package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// One line finds the keys on an ECS instance, in a Kubernetes cluster and on a workstation.
func Example() {
	_, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: credentials.Default(nil)})
	fmt.Println(err)
	// Output: <nil>
}

// Test a program for ECS instances: OSS and the metadata service both run in the process.
func ExampleECSRole() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	metadata := credtest.NewMetadata(&credtest.MetadataOptions{Options: credtest.Options{
		OnIssue: func(keys signer.Credentials) { srv.SetCredentials(keys) },
	}})
	p := credentials.ECSRole(&credentials.ECSRoleOptions{Options: credentials.Options{
		HTTPClient: credtest.HTTPClient(map[string]http.Handler{credtest.MetadataHost: metadata}),
	}})

	cfg := srv.Config()
	cfg.Credentials = p
	client, err := oss.NewClient(cfg)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.PutObject(context.Background(), "bucket", "key", strings.NewReader("body"), nil); err != nil {
		log.Fatal(err)
	}
	keys, err := p.Credentials(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.AccessKeyID, "signed", len(srv.Requests("PutObject")), "request")
	// Output: STS.ecs-1 signed 1 request
}

// Assume a role of another account with the keys of a user.
func ExampleAssumeRole() {
	user := signer.Credentials{AccessKeyID: "LTAI-user", AccessKeySecret: "secret"}
	const role = "acs:ram::1234567890123456:role/backup"
	sts := credtest.NewSTS(&credtest.STSOptions{
		Users: []signer.Credentials{user},
		Roles: []credtest.Role{{ARN: role, ExternalID: "tenant-7"}},
	})

	p := credentials.AssumeRole(user, role, &credentials.AssumeRoleOptions{
		SessionName: "nightly",
		Duration:    30 * time.Minute,
		ExternalID:  "tenant-7",
		STS:         credentials.STS{Region: "cn-hangzhou", VPC: true},
		Options: credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{
			"sts-vpc.cn-hangzhou.aliyuncs.com": sts,
		})},
	})
	keys, err := p.Credentials(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.AccessKeyID, "for", time.Until(keys.Expires).Round(time.Minute))

	_, err = credentials.AssumeRole(user, role, &credentials.AssumeRoleOptions{
		Options: credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{"": sts})},
	}).Credentials(context.Background())
	var refused *credentials.STSError
	if errors.As(err, &refused) {
		fmt.Println(refused.Code)
	}
	// Output:
	// STS.sts-1 for 30m0s
	// NoPermission
}

// Use the keys of an OIDC token if RRSA is set up, otherwise those of a profile.
func ExampleChain() {
	p := credentials.Chain([]credentials.Source{
		credentials.OIDC(&credentials.OIDCOptions{Duration: 15 * time.Minute}),
		credentials.Profile(&credentials.ProfileOptions{File: "/no/such/file", Name: "oss"}),
	}, nil)
	_, err := p.Credentials(context.Background())
	fmt.Println(errors.Is(err, credentials.ErrNotConfigured))
	// Output: true
}

// A source of your own is a function. New adds the cache, the refresh ahead of expiry and the backoff.
func ExampleNew() {
	fetches := 0
	vault := oss.CredentialsFunc(func(ctx context.Context) (oss.Credentials, error) {
		fetches++
		return oss.Credentials{
			AccessKeyID: "STS.vault", AccessKeySecret: "secret", SecurityToken: "token",
			Expires: time.Now().Add(time.Hour),
		}, nil
	})
	p := credentials.New(vault, &credentials.Options{RefreshAhead: 20 * time.Minute})
	for range 1000 {
		if _, err := p.Credentials(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(p, "was asked", fetches, "time")
	// Output: credentials.Provider{oss.CredentialsFunc} was asked 1 time
}
