package credentials_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/credentials"
	"github.com/ossmultipart/go-oss/oss/credentials/credtest"
	"github.com/ossmultipart/go-oss/signer"
)

// A slow reader has so many bytes, and a minute of silence before every piece.
type slow struct{ left int }

const pieceSize = 100 << 10

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.left%pieceSize == 0 {
		time.Sleep(time.Minute)
	}
	n := min(len(p), (s.left-1)%pieceSize+1)
	s.left -= n
	return copy(p, bytes.Repeat([]byte{byte(s.left)}, n)), nil
}

// A rotating source has keys that expire.
type rotating struct {
	networked
	rotate func(t *testing.T, keys signer.Credentials) // for sources that do not make keys
}

// rotatingSources returns all of them.
func rotatingSources(t *testing.T) []rotating {
	t.Helper()
	var sources []rotating
	for _, s := range networkSources() {
		sources = append(sources, rotating{s, nil})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	program := newProcess(t)
	return append(sources,
		rotating{networked{name: "file", make: func(_ *cloud, o credentials.Options) *credentials.Provider {
			return credentials.File(path, &o)
		}}, func(t *testing.T, keys signer.Credentials) {
			text, err := json.Marshal(map[string]any{"AccessKeyId": keys.AccessKeyID,
				"AccessKeySecret": keys.AccessKeySecret,
				"SecurityToken":   keys.SecurityToken, "Expiration": keys.Expires.Format(time.RFC3339)})
			if err != nil {
				t.Error(err)
			}
			replace(t, path, string(text))
		}},
		rotating{networked{name: "process", make: func(_ *cloud, o credentials.Options) *credentials.Provider {
			return credentials.Process(program.Command(), &o)
		}}, func(t *testing.T, keys signer.Credentials) {
			if err := program.Set(keys); err != nil {
				t.Error(err)
			}
		}})
}

// An upload of an hour outlives four generations of keys of 15 minutes, from every source, and a source that is down
// for ten minutes in the middle. OSS refuses not one request. (An instance gets its keys from a service that renews
// them when it likes: here after a minute, as otherwise nothing could bridge ten.)
func TestUploadOfAnHourOverKeysOfFifteenMinutes(t *testing.T) {
	for _, source := range rotatingSources(t) {
		// When the outage begins; the first keys are fetched in minute 2.
		for minute := 3; minute < 18; minute += effort.Of(12, 3, 3) {
			t.Run(fmt.Sprintf("%s, down from minute %d", source.name, minute), func(t *testing.T) {
				configure(t)
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					srv, c, client := storage(t, source.make)
					defer srv.Close()
					done := make(chan struct{})
					var wg sync.WaitGroup
					wg.Go(func() {
						after := time.After(time.Duration(minute) * time.Minute)
						end := time.After(time.Duration(minute+10) * time.Minute)
						rotation := make(<-chan time.Time)
						down := false
						if source.rotate != nil {
							ticker := time.NewTicker(2 * time.Minute)
							defer ticker.Stop()
							rotation = ticker.C
						}
						for {
							select {
							case <-after:
								if down = true; source.faults != nil {
									source.faults(c).Inject(credtest.Fault{Status: 503})
								}
							case <-end:
								if down = false; source.faults != nil {
									source.faults(c).Clear()
								}
							case <-rotation:
								if !down {
									source.rotate(t, c.uri.Issue())
								}
							case <-done:
								return
							}
						}
					})
					if source.rotate != nil {
						source.rotate(t, c.uri.Issue())
					}
					up := multipart.NewUploader(client, &multipart.Options{PartSize: pieceSize, Concurrency: 3})
					res, err := up.Upload(t.Context(), "bucket", "key", &slow{left: 60 * pieceSize}, nil)
					close(done)
					wg.Wait()
					if err != nil || res.Size != 60*pieceSize || time.Since(began) != time.Hour {
						t.Fatalf("%+v, %v after %v", res, err, time.Since(began))
					}
					for _, r := range srv.Requests() {
						if r.StatusCode != 200 {
							t.Errorf("%s of part %d at %v: %d %s", r.Op, r.PartNumber,
								r.Time.Sub(began), r.StatusCode, r.Code)
						}
					}
					if n := len(c.sts.Issued()) + len(c.uri.Issued()) + len(c.metadata.Issued()); n < 4 {
						t.Errorf("%d generations of keys", n)
					}
				})
			})
		}
	}
}
