// Command credentialsgo signs requests to OSS with the keys of a Credential of github.com/aliyun/credentials-go, for
// programs that have one already. Package oss/credentials of this SDK reads the same sources and needs no adapter.
//
// It prints the source and the ID of the keys that credentials-go finds, and uploads nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	official "github.com/aliyun/credentials-go/credentials"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
)

// life is the lifetime claimed for temporary keys, because credentials-go does not report when they expire. The
// Provider asks again after a quarter of it, within the three minutes before they expire in which credentials-go
// replaces them.
const life = 10 * time.Minute

// adapt makes a provider of a Credential, which must not be used by two goroutines at once.
func adapt(c official.Credential) *credentials.Provider {
	return credentials.New(oss.CredentialsFunc(func(context.Context) (oss.Credentials, error) {
		m, err := c.GetCredential()
		if err != nil {
			return oss.Credentials{}, err
		}
		keys := oss.Credentials{AccessKeyID: value(m.AccessKeyId), AccessKeySecret: value(m.AccessKeySecret)}
		if keys.SecurityToken = value(m.SecurityToken); keys.SecurityToken != "" {
			keys.Expires = time.Now().Add(life)
		}
		return keys, nil
	}), nil)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func main() {
	c, err := official.NewCredential(nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	keys, err := adapt(c).Credentials(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(keys)
}
