package osstest_test

import (
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// clockwork is a Server whose clock the test turns.
func clockwork(t *testing.T, opts osstest.Options) (*osstest.Server, func(time.Duration)) {
	t.Helper()
	now := time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)
	opts.Now = func() time.Time { return now }
	return start(t, &opts), func(d time.Duration) { now = now.Add(d) }
}

// H 22: Archive objects refuse GET. Times are those of the Server's clock.
func TestArchivedObjectsAreReadOnceTheyAreRestored(t *testing.T) {
	srv, pass := clockwork(t, osstest.Options{})
	state := func(want string) {
		t.Helper()
		_, h, err := ask(t, srv, "HEAD bucket/key")
		if got := h.Get("x-oss-restore"); got != want || err != nil {
			t.Errorf("x-oss-restore is %q, %v, want %q", got, err, want)
		}
		var list ossxml.ObjectListV2
		read(t, srv, "GET bucket?list-type=2", &list)
		if got := list.Contents[0].RestoreInfo; got != want {
			t.Errorf("the list says %q, want %q", got, want)
		}
	}
	const frozen = "403 InvalidObjectState 0016-00000404"
	wants(t, srv, "PUT bucket/key", "ok", "x-oss-storage-class", "Archive", "body", "data")
	state("")
	wants(t, srv, "GET bucket/key", frozen)
	if a := send(t, srv, call{method: "POST", key: "key", query: "restore", time: srv.Config().Now(),
		body: "<RestoreRequest><Days>2</Days></RestoreRequest>"}); a.status != 202 {
		t.Errorf("RestoreObject is answered %v, want 202", a)
	}
	state(`ongoing-request="true"`)
	wants(t, srv, "GET bucket/key", frozen)
	wants(t, srv, "POST bucket/key?restore", "409 RestoreAlreadyInProgress 0016-00000701")
	pass(time.Minute)
	state(`ongoing-request="false", expiry-date="Fri, 19 Jun 2026 20:31:00 GMT"`)
	if body, h, err := ask(t, srv, "GET bucket/key"); body != "data" || h.Get("x-oss-restore") == "" || err != nil {
		t.Errorf("read %q with %v, %v", body, h, err)
	}
	pass(24 * time.Hour)
	if a := send(t, srv, call{method: "POST", key: "key", query: "restore", time: srv.Config().Now(),
		body: "<RestoreRequest><Days>7</Days></RestoreRequest>"}); a.status != 200 {
		t.Errorf("RestoreObject of a restored object is answered %v, want 200", a)
	}
	state(`ongoing-request="false", expiry-date="Thu, 25 Jun 2026 20:31:00 GMT"`)
	pass(7 * 24 * time.Hour)
	state("")
	wants(t, srv, "GET bucket/key", frozen)
}

func TestHowLongARestorationTakesDependsOnClassAndTier(t *testing.T) {
	for _, tt := range []struct {
		class, tier, priority string
		takes                 time.Duration
	}{
		{"Archive", "", "", time.Minute},
		{"ColdArchive", "Expedited", "Expedited", time.Hour},
		{"ColdArchive", "", "Standard", 5 * time.Hour},
		{"ColdArchive", "Bulk", "Bulk", 12 * time.Hour},
		{"DeepColdArchive", "Standard", "Standard", 48 * time.Hour},
	} {
		srv, pass := clockwork(t, osstest.Options{})
		wants(t, srv, "PUT bucket/key", "ok", "x-oss-storage-class", tt.class)
		request := "<RestoreRequest><Days>3</Days></RestoreRequest>"
		if tt.tier != "" {
			request = "<RestoreRequest><Days>3</Days><JobParameters><Tier>" + tt.tier +
				"</Tier></JobParameters></RestoreRequest>"
		}
		_, h, err := ask(t, srv, "POST bucket/key?restore", "body", request)
		if got := h.Get("x-oss-object-restore-priority"); got != tt.priority || err != nil {
			t.Errorf("%+v: priority %q, %v", tt, got, err)
		}
		pass(tt.takes - time.Second)
		wants(t, srv, "GET bucket/key", "403 InvalidObjectState 0016-00000404")
		pass(time.Second)
		wants(t, srv, "GET bucket/key", "ok")
	}
}

func TestRestoreObjectRefusesWhatOSSRefuses(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket/standard", "ok")
	wants(t, srv, "PUT bucket/archive", "ok", "x-oss-storage-class", "Archive")
	wants(t, srv, "PUT bucket/cold", "ok", "x-oss-storage-class", "ColdArchive")
	days := func(n string) []string {
		return []string{"body", "<RestoreRequest><Days>" + n + "</Days></RestoreRequest>"}
	}
	tier := []string{"body", "<RestoreRequest><JobParameters><Tier>wrong-tier</Tier></JobParameters></RestoreRequest>"}
	wants(t, srv, "POST bucket/none?restore", "404 NoSuchKey 0026-00000001")
	wants(t, srv, "POST bucket/standard?restore", "400 OperationNotSupported 0016-00000702")
	wants(t, srv, "POST bucket/archive?restore", "400 InvalidArgument 0016-00000708", days("8")...)
	wants(t, srv, "POST bucket/archive?restore", "400 InvalidArgument 0016-00000708", days("a")...)
	wants(t, srv, "POST bucket/archive?restore", "400 MalformedXML 0016-00000706", tier...)
	wants(t, srv, "POST bucket/archive?restore", "400 MalformedXML 0016-00000706", "body", "<RestoreRequest>")
	wants(t, srv, "POST bucket/cold?restore", "400 InvalidArgument 0016-00000704", days("366")...)
	wants(t, srv, "POST bucket/cold?restore", "400 InvalidArgument 0016-00000703", tier...)
	wants(t, srv, "PUT bucket/copy", "403 InvalidObjectState 0016-00000330", "x-oss-copy-source", "/bucket/archive")
	id := initiate(t, srv, nil)
	wants(t, srv, "PUT bucket/key?partNumber=1&uploadId="+id,
		"403 InvalidObjectState 0016-00000330", "x-oss-copy-source", "/bucket/archive")
}

func TestALinkToAnArchivedObjectIsReadOnceThatIsRestored(t *testing.T) {
	srv, pass := clockwork(t, osstest.Options{})
	wants(t, srv, "PUT bucket/key", "ok", "x-oss-storage-class", "Archive", "body", "data")
	wants(t, srv, "PUT bucket/link?symlink", "ok", "x-oss-symlink-target", "key")
	wants(t, srv, "GET bucket/link", "403 InvalidObjectState 0016-00000404")
	wants(t, srv, "POST bucket/link?restore", "400 OperationNotSupported 0016-00000702")
	wants(t, srv, "POST bucket/key?restore", "ok")
	pass(time.Minute)
	wants(t, srv, "GET bucket/link", "ok")
}

// What was restored is so after a restart too.
func TestRestorationsPersist(t *testing.T) {
	opts := osstest.Options{Dir: t.TempDir(), Persist: true}
	before, _ := clockwork(t, opts)
	wants(t, before, "PUT bucket/key", "ok", "x-oss-storage-class", "Archive", "body", "data")
	wants(t, before, "POST bucket/key?restore", "ok")
	before.Close()
	srv, pass := clockwork(t, opts)
	wants(t, srv, "GET bucket/key", "403 InvalidObjectState 0016-00000404")
	pass(time.Minute)
	wants(t, srv, "GET bucket/key", "ok")
}
