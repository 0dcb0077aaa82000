package osstest_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// TestWhateverIsDoneSurvives does things at random, restarts now and then, and each time looks for
// a difference.
func TestWhateverIsDoneSurvives(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	dir := t.TempDir()
	srv := persist(t, dir)
	done := make(map[string]int)
	for range 12 {
		for range 40 {
			done[act(t, srv, random)]++
		}
		before := state(t, srv)
		srv.Close()
		srv = persist(t, dir)
		if diff := cmp.Diff(before, state(t, srv)); diff != "" {
			t.Fatalf("after a restart (-want +got):\n%s", diff)
		}
	}
	for what, want := range map[string]int{
		"put": 10, "append": 3, "acl": 3, "tagging": 3, "copy": 3, "delete": 3, "delete version": 3,
		"versioning": 3, "initiate": 3, "part": 3, "complete": 3, "abort": 1,
	} {
		if done[what] < want {
			t.Errorf("%s was done %d times, want %d at least: %v", what, done[what], want, done)
		}
	}
}

// act does one thing and returns what, or "" if it was refused.
func act(t *testing.T, srv *osstest.Server, random *rand.Rand) string {
	t.Helper()
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	key := pick("key", "gone", "copy", "put")
	c := call{method: "PUT", key: key}
	what := pick("put", "put", "append", "acl", "tagging", "copy", "delete", "delete version",
		"versioning", "initiate", "part", "part", "complete", "abort")
	switch what {
	case "put":
		c.body = strings.Repeat(pick("a", "b"), random.IntN(50))
		c.header = map[string]string{"x-oss-object-acl": pick("default", "private"), "x-oss-meta-a": pick("1", "2")}
	case "append":
		o, _ := srv.Stat("bucket", key)
		c.method, c.query, c.body = "POST", "append&position="+strconv.FormatInt(o.Size, 10), pick("c", "d")
	case "acl":
		c.query, c.header = "acl", map[string]string{"x-oss-object-acl": pick("private", "public-read")}
	case "tagging":
		c.query, c.body = "tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>"+pick("1",
			"2")+"</Value></Tag></TagSet></Tagging>"
	case "copy":
		c.header = map[string]string{"x-oss-copy-source": "/bucket/" + pick("key", "gone", "put")}
	case "delete":
		c.method = "DELETE"
	case "delete version":
		all := srv.Versions("bucket", key)
		if len(all) == 0 {
			return ""
		}
		c.method, c.query = "DELETE", "versionId="+all[random.IntN(len(all))].VersionID
	case "versioning":
		c.key, c.query = "", "versioning"
		c.body = "<VersioningConfiguration><Status>" + pick("Enabled",
			"Suspended") + "</Status></VersioningConfiguration>"
	case "initiate":
		c.method, c.query = "POST", "uploads"
	default:
		all := srv.Uploads()
		if len(all) == 0 {
			return ""
		}
		u := all[random.IntN(len(all))]
		c.key, c.query = u.Key, "uploadId="+u.ID
		switch what {
		case "part":
			c.query, c.body = fmt.Sprintf("partNumber=%d&%s", 1+random.IntN(3), c.query), pick("e", "f")
		case "complete":
			c.method, c.header = "POST", map[string]string{"x-oss-complete-all": "yes"}
		case "abort":
			c.method = "DELETE"
		}
	}
	if got := send(t, srv, c); got.status >= 300 {
		return ""
	}
	return what
}
