package multipart_test

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func aDownloadOfAChangedObjectIsAChangedError(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
				n := 0
				f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
				c := failingClient(t, srv, f)
				f.at["500"] = func(req *http.Request) (*http.Response, error) {
					n++
					srv.PutObject(bucket, key, bytes.Repeat([]byte{byte(n)}, 900))
					return f.RoundTripper.RoundTrip(req)
				}
				_, _, err := way.get(t.Context(), t,
					multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
				var changed *oss.ChangedError
				if !errors.As(err, &changed) || changed.Offset != 500 {
					t.Errorf("the error is %v", err)
				}
				if want := map[string]int{"DownloadFile": 2}[way.name]; want != 0 && n != want {
					t.Errorf("it was begun %d times, want %d", n, want)
				}
			})
		})
	}
}

func downloadFileBeginsAnewWhenTheObjectChangedOnce(t *testing.T) {
	onServer(t, data(1000), func(t *testing.T, srv *osstest.Server) {
		want := data(650)
		f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
		c := failingClient(t, srv, f)
		var once sync.Once
		f.at["500"] = func(req *http.Request) (*http.Response, error) {
			once.Do(func() { srv.PutObject(bucket, key, want) })
			return f.RoundTripper.RoundTrip(req)
		}
		got, res, err := ways[0].get(t.Context(), t,
			multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100}))
		if err != nil || !bytes.Equal(got, want) || res.Parts != 7 {
			t.Errorf("got %d bytes, %+v, %v", len(got), res, err)
		}
	})
}

func aDownloadContinuesWithTheVersionThatItBeganWith(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			want := data(1000)
			synctest.Test(t, func(t *testing.T) {
				srv := osstest.NewServer(nil)
				defer srv.Close()
				plain := srv.Client()
				if err := plain.PutBucketVersioning(t.Context(), bucket, oss.VersioningEnabled, nil); err != nil {
					t.Fatal(err)
				}
				srv.PutObject(bucket, key, want)
				f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
				c := failingClient(t, srv, f)
				var once sync.Once
				f.at["500"] = func(req *http.Request) (*http.Response, error) {
					once.Do(func() { srv.PutObject(bucket, key, data(900)) })
					return f.RoundTripper.RoundTrip(req)
				}
				got, res, err := way.get(t.Context(), t,
					multipart.NewDownloader(c, &multipart.DownloadOptions{PartSize: 100, Concurrency: 1}))
				if err != nil || !bytes.Equal(got, want) || !res.Verified {
					t.Errorf("got %d bytes, %+v, %v", len(got), res, err)
				}
			})
		})
	}
}
