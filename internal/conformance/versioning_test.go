package conformance_test

import (
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// versioningAssumptions are about buckets with versions.
func versioningAssumptions() []assumption {
	const other = "versions cannot be switched off again, so the suite does not switch them on"
	status := func(t *testing.T, e *env, want string) {
		t.Helper()
		doc := e.send(t, request{method: "GET", query: []string{"versioning", ""}}).wants(t, 200).xml(t)
		equal(t, "root", doc.name, "VersioningConfiguration")
		equal(t, "Status", doc.get("Status"), want)
	}
	set := func(t *testing.T, e *env, status string) *reply {
		t.Helper()
		return e.send(t, request{method: "PUT", query: []string{"versioning", ""},
			body: []byte("<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>")})
	}
	return []assumption{
		{
			ID: "A300", Source: documented, Where: "docs: PutBucketVersioning, GetBucketVersioning",
			Ops: []string{"PutBucketVersioning", "GetBucketVersioning"}, FakeOnly: other,
			Claim: "A bucket has no versioning status at first, and later the one that was put: Enabled or Suspended.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{}), id: e.id}
				status(t, e, "")
				for _, want := range []string{"Enabled", "Suspended"} {
					set(t, e, want).wants(t, 200)
					status(t, e, want)
				}
				set(t, e, "Off").wants(t, 400)
			},
		},
		{
			ID: "A301", Source: recorded,
			Where:    recordings + "aliblobstoreit_testbulkversioneddelete_happypath-*.json; docs: DeleteObject",
			Ops:      []string{"DeleteObject", "DeleteMultipleObjects", "ListObjectVersions", "ListObjects"},
			FakeOnly: other,
			Claim: "Deleting without a version adds a delete marker; ListObjects does not show the object, " +
				"ListObjectVersions shows both, and each can be deleted by its ID.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{}), id: e.id}
				set(t, e, "Enabled").wants(t, 200)
				key := e.key("object")
				e.put(t, key, []byte("x"))
				e.send(t, request{method: "DELETE", key: key}).wants(t, 204).is(t, "x-oss-delete-marker", "true")
				equal(t, "objects", e.found(t, e.list(t)), "")
				doc := e.list(t, "versions", "")
				marker, version := doc.first(t, "DeleteMarker").get("VersionId"),
					doc.first(t, "Version").get("VersionId")
				body := []byte("<Delete><Object><Key>" + key + "</Key><VersionId>" + version +
					"</VersionId></Object><Object><Key>" +
					key + "</Key><VersionId>" + marker + "</VersionId></Object></Delete>")
				r := e.send(t, request{method: "POST", query: []string{"delete", ""}, body: body,
					header: []string{"Content-MD5", md5Of(body)}})
				deleted := r.wants(t, 200).xml(t).all("Deleted")
				equal(t, "version", deleted[0].names()+" "+deleted[0].get("VersionId"), "Key VersionId "+version)
				equal(t, "marker", deleted[1].names(), "Key VersionId DeleteMarker DeleteMarkerVersionId")
				doc = e.list(t, "versions", "")
				if doc.has("Version") || doc.has("DeleteMarker") {
					t.Errorf("left are %s", doc.names())
				}
			},
		},
	}
}
