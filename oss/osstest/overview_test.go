package osstest_test

import (
	"fmt"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestBucketsTellsWhatIsInThem(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"given"}, RequesterPays: []string{"theirs"}})
	wants(t, srv, "PUT made", "ok", "x-oss-acl", "public-read", "body",
		"<CreateBucketConfiguration><StorageClass>IA</StorageClass></CreateBucketConfiguration>")
	srv.SetVersioning("made", true)
	wants(t, srv, "PUT made/key", "ok", "body", "12")
	wants(t, srv, "PUT made/key", "ok", "body", "345")
	wants(t, srv, "DELETE made/key", "ok")
	wants(t, srv, "POST made/key?uploads", "ok")
	wants(t, srv, "PUT gone", "ok")
	wants(t, srv, "DELETE gone", "ok")
	var got []string
	for _, b := range srv.Buckets() {
		if b.Created.IsZero() {
			t.Errorf("%s was never created", b.Name)
		}
		got = append(got, fmt.Sprint(b.Name, " ", b.StorageClass, b.ACL, b.Versioning, b.Objects, " ", b.Size, " ",
			b.Uploads))
	}
	if want := "[given Standardprivate0 0 0 made IApublic-readEnabled2 5 1 theirs " +
		"Standardprivate0 0 0]"; fmt.Sprint(got) != want {
		t.Errorf("Buckets = %v, want %s", got, want)
	}
}
