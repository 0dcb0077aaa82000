package conformance_test

import "testing"

// accessAssumptions are about the ACLs of objects.
func accessAssumptions() []assumption {
	acl := func(t *testing.T, e *env, key, value string) *reply {
		t.Helper()
		return e.send(t, request{method: "PUT", key: key, query: []string{"acl", ""},
			header: []string{"x-oss-object-acl", value}})
	}
	grant := func(t *testing.T, e *env, key string) string {
		t.Helper()
		doc := e.send(t, request{method: "GET", key: key, query: []string{"acl", ""}}).wants(t, 200).xml(t)
		equal(t, "elements", doc.name+": "+doc.names(), "AccessControlPolicy: Owner AccessControlList")
		return doc.first(t, "AccessControlList").get("Grant")
	}
	return []assumption{
		{
			ID: "A280", Source: documented, Where: "docs: PutObjectACL, GetObjectACL",
			Ops:   []string{"PutObjectACL", "GetObjectACL", "PutObject"},
			Claim: "An object's ACL is default at first, then what PutObjectACL or PutObject said.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("x"))
				equal(t, "first", grant(t, e, key), "default")
				acl(t, e, key, "private").wants(t, 200)
				equal(t, "set", grant(t, e, key), "private")
				e.holds(t, key, []byte("x"))
				e.put(t, key, []byte("x"))
				equal(t, "overwritten", grant(t, e, key), "default")
				e.put(t, key, []byte("x"), "x-oss-object-acl", "private")
				equal(t, "put", grant(t, e, key), "private")
			},
		},
		{
			ID: "A281", Source: documented, Where: "docs: PutObjectACL", Ops: []string{"PutObjectACL"},
			Claim: "An ACL that is none is 400 InvalidArgument, and no object is 404 NoSuchKey.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.refused(t, acl(t, e, key, "private"), 404, "NoSuchKey", "0026-00000001")
				e.put(t, key, []byte("x"))
				e.refused(t, acl(t, e, key, "open"), 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A282", Source: documented, Where: "docs: Object ACL",
			Ops:      []string{"GetObject", "HeadObject", "PutObjectACL"},
			FakeOnly: "newer buckets block public access, and the suite makes nothing public",
			Claim:    "An anonymous request may read an object that is public-read, and not a private one.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("x"))
				for _, tt := range []struct {
					acl    string
					status int
				}{{"public-read", 200}, {"private", 403}} {
					acl(t, e, key, tt.acl).wants(t, 200)
					e.send(t, request{method: "GET", key: key, anonymous: true}).wants(t, tt.status)
					e.send(t, request{method: "HEAD", key: key, anonymous: true}).wants(t, tt.status)
					e.send(t, request{method: "PUT", key: key, anonymous: true}).wants(t, 403)
				}
			},
		},
	}
}

// taggingAssumptions are about the tags of objects.
func taggingAssumptions() []assumption {
	tagged := func(t *testing.T, e *env, method, key, body string) *reply {
		t.Helper()
		return e.send(t, request{method: method, key: key, query: []string{"tagging", ""}, body: []byte(body)})
	}
	one := func(key, value string) string {
		return "<Tagging><TagSet><Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag></TagSet></Tagging>"
	}
	return []assumption{
		{
			ID: "A285", Source: recorded, Where: recordings + "aliblobstoreit_testtagging-put-4.json and -get-3.json",
			Ops:   []string{"PutObjectTagging", "GetObjectTagging"},
			Claim: "PutObjectTagging replaces all tags and has an empty reply; GetObjectTagging gives them back.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil, "x-oss-tagging", "tag1=value1&tag2=value2")
				tagged(t, e, "PUT", key, one("tag3", "value3")).wants(t, 200).carries(t)
				r := tagged(t, e, "GET", key, "").wants(t, 200)
				r.carries(t, "Content-Type")
				equal(t, "document", string(r.body),
					"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Tagging>\n  <TagSet>\n    <Tag>\n"+
						"      <Key>tag3</Key>\n      <Value>value3</Value>\n    </Tag>\n  </TagSet>\n</Tagging>\n")
			},
		},
		{
			ID: "A286", Source: recorded, Where: recordings + "aliblobstoreit_testtagging-put-2.json",
			Ops:   []string{"PutObjectTagging"},
			Claim: "Tags of no object are 404 NoSuchKey.",
			check: func(t *testing.T, e *env) {
				key := e.key("none")
				e.refused(t, tagged(t, e, "PUT", key, one("a", "b")), 404, "NoSuchKey", "0026-00000001", "Key", key)
			},
		},
		{
			ID: "A287", Source: documented, Where: "docs: DeleteObjectTagging",
			Ops:   []string{"DeleteObjectTagging", "GetObjectTagging"},
			Claim: "DeleteObjectTagging answers 204, and the tags are gone; the TagSet is then empty.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil, "x-oss-tagging", "a=b")
				e.head(t, key).wants(t, 200).is(t, "x-oss-tagging-count", "1")
				tagged(t, e, "DELETE", key, "").wants(t, 204)
				doc := tagged(t, e, "GET", key, "").wants(t, 200).xml(t)
				equal(t, "tags", doc.first(t, "TagSet").names(), "")
				e.head(t, key).wants(t, 200).is(t, "x-oss-tagging-count", "")
			},
		},
	}
}
