// Credentialsgo signs requests to OSS with the keys of an object of github.com/aliyun/credentials-go, for programs that
// have one already. Package oss/credentials of this SDK reads the same sources and needs no adapter.
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

// life is claimed for temporary keys, of which credentials-go does not tell the end. The Provider asks again when a
// quarter of it is over, within the three minutes before their end in which credentials-go replaces them.
const life = 10 * time.Minute

// adapt makes a provider of an object of credentials-go, which must not be used by two goroutines at once.
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
