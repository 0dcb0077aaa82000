package ossdistribution

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestImagesArePushedAndPulled(t *testing.T) {
	for _, redirect := range []bool{false, true} {
		t.Run(fmt.Sprint("redirect ", redirect), func(t *testing.T) {
			t.Parallel()
			srv, address := newServer(t)
			port := httptest.NewServer(newRegistry(t, parametersFor(address), redirect))
			defer port.Close()
			host := strings.TrimPrefix(port.URL, "http://")

			image, err := random.Image(3<<20, 5)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"library/alpine:3.20", "library/alpine:edge", "library/alpine-git:1"} {
				if err := crane.Push(image, host+"/"+name); err != nil {
					t.Fatal(err)
				}
			}
			before := len(srv.Requests("GetObject"))
			pulled, err := crane.Pull(host + "/library/alpine:edge")
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(pulled); err != nil { // reads all layers
				t.Error(err)
			}
			want, _ := image.Digest()
			if got, err := pulled.Digest(); got != want || err != nil {
				t.Errorf("the image pulled is %v, %v, want %v", got, err, want)
			}
			presigned := 0
			for _, r := range srv.Requests("GetObject")[before:] {
				if r.Query.Has("x-oss-signature") {
					presigned++
				}
			}
			if (presigned >= 5) != redirect {
				t.Errorf("%d layers came by redirects", presigned)
			}
			if tags, err := crane.ListTags(host + "/library/alpine"); !slices.Equal(tags, []string{"3.20", "edge"}) {
				t.Errorf("tags = %q, %v", tags, err)
			}
			catalog, err := crane.Catalog(host)
			slices.Sort(catalog)
			if !slices.Equal(catalog, []string{"library/alpine", "library/alpine-git"}) {
				t.Errorf("catalog = %q, %v", catalog, err)
			}
			if err := crane.Delete(host + "/library/alpine@" + want.String()); err != nil {
				t.Error(err)
			}
			if _, err := crane.Pull(host + "/library/alpine:edge"); err == nil {
				t.Error("a deleted image is still there")
			}
			for _, key := range srv.Objects("images") {
				if strings.Contains(key, "/_uploads/") {
					t.Errorf("%s is left", key)
				}
			}
		})
	}
}
