package conformance_test

import (
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// linkAssumptions are about symbolic links.
func linkAssumptions() []assumption {
	link := func(e *env, key, target string, header ...string) request {
		return request{method: "PUT", key: key, query: []string{"symlink", ""},
			header: append(header, "x-oss-symlink-target", escapeQuery(target))}
	}
	told := func(key string) request { return request{method: "GET", key: key, query: []string{"symlink", ""}} }
	return []assumption{
		{
			ID: "A520", Source: liveTest, Where: goSDK +
				", TestPutSymlink, TestGetSymlink; aliyun/aliyun-oss-cpp-sdk test/src/Object/ObjectSymlinkTest.cc",
			Ops: []string{"PutSymlink", "GetSymlink", "GetObject", "HeadObject"},
			Claim: "A link may lead anywhere; GetSymlink tells where, and reading it gives " +
				"the bytes of the target and " +
				"the metadata of the link.",
			check: func(t *testing.T, e *env) {
				target, key := e.key("target"), e.key("link")
				e.send(t, link(e, key, target, "x-oss-meta-author", "chanju")).wants(t, 200)
				e.put(t, target, []byte("text"), "x-oss-meta-author", "other")
				e.send(t, told(key)).wants(t, 200).is(t, "x-oss-symlink-target", escapeQuery(target))
				e.holds(t, key, []byte("text"))
				e.head(t, key).wants(t, 200).is(t, "x-oss-meta-author", "chanju",
					"x-oss-object-type", "Symlink", "ETag",
					etagOf([]byte("text")), "Content-Length", "4")
			},
		},
		{
			ID: "A521", Source: documented,
			Where: "docs: GetObject; error page EC 0026-00000012; aliyun/aliyun-oss-cpp-sdk " +
				"test/src/Object/ObjectSymlinkTest.cc reads neither",
			Ops:   []string{"GetObject", "HeadObject", "PutSymlink"},
			Claim: "Reading a link to nothing is 404 SymlinkTargetNotExist, one to another link 400 InvalidTargetType.",
			check: func(t *testing.T, e *env) {
				nowhere, chain := e.key("nowhere"), e.key("chain")
				e.send(t, link(e, nowhere, e.key("none"))).wants(t, 200)
				e.send(t, link(e, chain, nowhere)).wants(t, 200)
				e.refused(t, e.get(t, nowhere), 404, "SymlinkTargetNotExist", "0026-00000012")
				e.refused(t, e.head(t, nowhere), 404, "SymlinkTargetNotExist", "0026-00000012")
				e.refused(t, e.get(t, chain), 400, "InvalidTargetType", "")
			},
		},
		{
			ID: "A522", Source: documented,
			Where: "error pages EC 0043-00000001, 0043-00000101; docs: HTTP 400 status code",
			Ops:   []string{"PutSymlink", "GetSymlink"},
			Claim: "A link without a target is 400 InvalidArgument; GetSymlink of what is no " +
				"link is 400 NotSymlink, of " +
				"nothing 404 NoSuchKey.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.refused(t, e.send(t, request{method: "PUT", key: key, query: []string{"symlink", ""}}), 400,
					"InvalidArgument", "0043-00000001")
				e.refused(t, e.send(t, told(key)), 404, "NoSuchKey", "")
				e.put(t, key, []byte("1"))
				e.refused(t, e.send(t, told(key)), 400, "NotSymlink", "0043-00000101")
			},
		},
		{
			ID: "A523", Source: liveTest,
			Where: "aliyun/aliyun-oss-go-sdk oss/bucket_test.go, TestSymlink; docs: CopyObject",
			Ops:   []string{"ListObjects", "CopyObject", "PutSymlink"},
			Claim: "A list shows a link with type Symlink, and a copy of a link is a link.",
			check: func(t *testing.T, e *env) {
				key, copied := e.key("link"), e.key("copy")
				e.send(t, link(e, key, e.key("none"))).wants(t, 200)
				e.send(t, request{method: "PUT", key: copied,
					header: []string{"x-oss-copy-source", "/" + e.bucket + "/" + escapePath(key)}}).wants(t, 200)
				for _, c := range e.list(t, "prefix", e.key("")).all("Contents") {
					equal(t, c.get("Key"), c.get("Type"), "Symlink")
				}
				e.send(t, told(copied)).wants(t, 200)
			},
		},
	}
}

// archiving is why checks of archived objects run on the fake only.
const archiving = "an archived object is paid for long after it was deleted, and restoring it takes time"

// restoreAssumptions are about archived objects. The clock is the fake's own.
func restoreAssumptions() []assumption {
	restore := func(key, body string) request {
		return request{method: "POST", key: key, query: []string{"restore", ""}, body: []byte(body)}
	}
	days := func(n string) string { return "<RestoreRequest><Days>" + n + "</Days></RestoreRequest>" }
	tier := func(name string) string {
		return "<RestoreRequest><Days>5</Days><JobParameters><Tier>" + name + "</Tier></JobParameters></RestoreRequest>"
	}
	return []assumption{
		{
			ID: "A530", Source: liveTest,
			Where: "aliyun/aliyun-oss-go-sdk oss/bucket_test.go, TestRestoreObject; aliyun/aliyun-oss-cpp-sdk " +
				"test/src/Object/ObjectRestoreTest.cc; error page EC 0016-00000404",
			Ops: []string{"RestoreObject", "GetObject", "HeadObject"}, FakeOnly: archiving,
			Claim: "An Archive object refuses GET with 403 InvalidObjectState until " +
				"RestoreObject, answered 202, has had " +
				"its time; HEAD tells how far it is in x-oss-restore.",
			check: func(t *testing.T, e *env) {
				now := time.Now()
				e = &env{system: fakeSystemWith(t, osstest.Options{Now: func() time.Time { return now }}), id: e.id}
				key := e.key("object")
				e.put(t, key, []byte("text"), "x-oss-storage-class", "Archive")
				equal(t, "x-oss-restore", e.head(t, key).wants(t, 200).header.Get("x-oss-restore"), "")
				e.refused(t, e.get(t, key), 403, "InvalidObjectState", "0016-00000404")
				e.send(t, restore(key, "")).wants(t, 202)
				e.head(t, key).wants(t, 200).is(t, "x-oss-restore", `ongoing-request="true"`)
				now = now.Add(time.Minute)
				e.holds(t, key, []byte("text"))
				until := now.Add(24 * time.Hour).UTC().Truncate(time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT")
				e.head(t, key).is(t, "x-oss-restore", `ongoing-request="false", expiry-date="`+until+`"`)
				e.send(t, restore(key, days("7"))).wants(t, 200)
				now = now.Add(8 * 24 * time.Hour)
				e.refused(t, e.get(t, key), 403, "InvalidObjectState", "0016-00000404")
			},
		},
		{
			ID: "A531", Source: liveTest, Where: goSDK +
				", TestRestoreObject; aliyun/aliyun-oss-python-sdk tests/test_object.py, " +
				"test_restore_object_with_config; " +
				"error page EC 0016-00000701",
			Ops: []string{"RestoreObject"}, FakeOnly: archiving,
			Claim: "RestoreObject tells the tier in x-oss-object-restore-priority, and again before the object is " +
				"restored it is 409 RestoreAlreadyInProgress.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{"Expedited", "Standard", "Bulk"} {
					key := e.key(name)
					e.put(t, key, []byte("123"), "x-oss-storage-class", "ColdArchive")
					e.send(t, restore(key, tier(name))).wants(t, 202).is(t, "x-oss-object-restore-priority", name)
					doc := e.refused(t, e.send(t, restore(key, "")), 409, "RestoreAlreadyInProgress", "0016-00000701")
					equal(t, "Message", doc.get("Message"), "The restore operation is in progress.")
				}
			},
		},
		{
			ID: "A532", Source: liveTest,
			Where: "aliyun/aliyun-oss-python-sdk tests/test_object.py; aliyun/aliyun-oss-cpp-sdk " +
				"test/src/Object/ObjectRestoreTest.cc; error pages EC 0016-00000703, -704 and -708",
			Ops: []string{"RestoreObject"}, FakeOnly: archiving,
			Claim: "What is not archived is 400 OperationNotSupported; a tier of no kind and too many days are " +
				"InvalidArgument, and any tier for Archive is MalformedXML.",
			check: func(t *testing.T, e *env) {
				standard, archive, cold := e.key("standard"), e.key("archive"), e.key("cold")
				e.put(t, standard, nil)
				e.put(t, archive, nil, "x-oss-storage-class", "Archive")
				e.put(t, cold, nil, "x-oss-storage-class", "ColdArchive")
				e.refused(t, e.send(t, restore(e.key("none"), "")), 404, "NoSuchKey", "")
				e.refused(t, e.send(t, restore(standard, "")), 400, "OperationNotSupported", "0016-00000702")
				e.refused(t, e.send(t, restore(cold, tier("wrong-tier"))), 400, "InvalidArgument", "0016-00000703")
				e.refused(t, e.send(t, restore(cold, days("366"))), 400, "InvalidArgument", "0016-00000704")
				e.refused(t, e.send(t, restore(archive, days("8"))), 400, "InvalidArgument", "0016-00000708")
				e.refused(t, e.send(t, restore(archive, tier("Bulk"))), 400, "MalformedXML", "")
			},
		},
		{
			ID: "A533", Source: thirdParty, Where: "aliyun/aliyun-oss-go-sdk issue 436", Ops: []string{"CopyObject",
				"UploadPartCopy"}, FakeOnly: archiving,
			Claim: "A copy of an archived object that is not restored is 403 InvalidObjectState, EC 0016-00000330.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil, "x-oss-storage-class", "Archive")
				source := []string{"x-oss-copy-source", "/" + e.bucket + "/" + escapePath(key)}
				e.refused(t, e.send(t, request{method: "PUT", key: e.key("copy"), header: source}), 403,
					"InvalidObjectState", "0016-00000330")
				id := e.initiate(t, key)
				e.refused(t,
					e.send(t, request{method: "PUT", key: key, query: []string{"partNumber", "1", "uploadId", id},
						header: source}),
					403, "InvalidObjectState", "0016-00000330")
			},
		},
	}
}
