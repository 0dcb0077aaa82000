package credentials_test

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// K2, row 21: OSS refuses a token in the middle of an upload. The Client tells the Provider, which fetches once.
func TestTokenThatIsRevokedInMidUploadIsReplaced(t *testing.T) {
	for _, source := range networkSources() {
		for name, effect := range map[string]osstest.Effect{"revoked": osstest.RevokeToken(),
			"expired": osstest.ExpireToken()} {
			if source.name == "ECS RAM role" {
				continue // its keys are renewed by the service only
			}
			t.Run(source.name+" "+name, func(t *testing.T) {
				configure(t)
				synctest.Test(t, func(t *testing.T) {
					srv, c, client := storage(t, source.make)
					defer srv.Close()
					srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 7, Times: 1, Effect: effect})
					up := multipart.NewUploader(client, &multipart.Options{PartSize: pieceSize, Concurrency: 4})
					res, err := up.Upload(t.Context(), "bucket", "key",
						bytes.NewReader(make([]byte, 20*pieceSize)), nil)
					if err != nil || res.Parts != 20 {
						t.Errorf("%+v, %v", res, err)
					}
					if n := len(c.sts.Issued()) + len(c.uri.Issued()); n != 2 {
						t.Errorf("%d fetches, want 2", n)
					}
				})
			})
		}
	}
}

// C5: credentials-go does not tell when keys expire, so a URL promises more than its token keeps.
func TestPresignedURLsDoNotOutliveTheKeysOfAnySource(t *testing.T) {
	for _, source := range rotatingSources(t) {
		t.Run(source.name, func(t *testing.T) {
			configure(t)
			synctest.Test(t, func(t *testing.T) {
				srv, c, client := storage(t, source.make)
				defer srv.Close()
				if source.rotate != nil {
					source.rotate(t, c.uri.Issue())
				}
				p, err := client.PresignGet(t.Context(), "bucket", "key", 24*time.Hour, nil)
				if err != nil || time.Until(p.Expires) != 15*time.Minute {
					t.Errorf("%v, %v, want the 15 minutes of the keys", p, err)
				}
			})
		})
	}
}

// storage returns an OSS that accepts the keys that a cloud gives out, for 15 minutes, and a Client with such keys.
func storage(t *testing.T, make func(*cloud, credentials.Options) *credentials.Provider) (*osstest.Server, *cloud,
	*oss.Client) {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
	var mu sync.Mutex
	var valid []signer.Credentials
	c := newCloud(credtest.Options{Life: 15 * time.Minute, OnIssue: func(keys signer.Credentials) {
		mu.Lock()
		defer mu.Unlock()
		valid = append(valid, keys)
		srv.SetCredentials(valid...)
	}})
	cfg := srv.Config()
	cfg.Credentials = make(c, c.opts)
	client, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return srv, c, client
}
