package conformance_test

import (
	"fmt"
	"html"
	"strings"
	"testing"
)

// deleteAll asks to delete keys, which must be the suite's own.
func (e *env) deleteAll(t *testing.T, quiet bool, query []string, keys ...string) *reply {
	t.Helper()
	var body strings.Builder
	fmt.Fprintf(&body, "<Delete><Quiet>%t</Quiet>", quiet)
	for _, key := range keys {
		if err := e.allow("DELETE", e.bucket, key); err != nil {
			t.Fatal(err)
		}
		body.WriteString("<Object><Key>" + html.EscapeString(key) + "</Key></Object>")
	}
	body.WriteString("</Delete>")
	return e.send(t, request{method: "POST", query: append([]string{"delete", ""}, query...),
		body:   []byte(body.String()),
		header: []string{"Content-MD5", md5Of([]byte(body.String()))}, checked: true})
}

// deleteListAssumptions are about DeleteMultipleObjects.
func deleteListAssumptions() []assumption {
	ops := []string{"DeleteMultipleObjects"}
	return []assumption{
		{
			ID: "A260", Source: recorded,
			Where: recordings + "aliblobstoreit_testbulkdelete-post-11.json and -post-30.json", Ops: ops,
			Claim: "Each key of the list is one Deleted, also if it comes twice or never was.",
			check: func(t *testing.T, e *env) {
				a, b := e.key("a"), e.key("never")
				e.put(t, a, nil)
				r := e.deleteAll(t, false, nil, a, a, b).wants(t, 200)
				r.carries(t, "Content-Type")
				doc := r.xml(t)
				equal(t, "elements", doc.name+": "+doc.names(), "DeleteResult: Deleted Deleted Deleted")
				for i, want := range []string{a, a, b} {
					equal(t, "line", doc.children[i].names()+" "+doc.children[i].get("Key"), "Key "+want)
				}
				e.head(t, a).wants(t, 404)
			},
		},
		{
			ID: "A261", Source: recorded, Where: recordings + "*: DeleteMultipleObjects with Quiet", Ops: ops,
			Claim: "With Quiet the reply has neither body nor Content-Type.",
			check: func(t *testing.T, e *env) {
				key := e.key("a")
				e.put(t, key, nil)
				r := e.deleteAll(t, true, nil, key).wants(t, 200)
				r.carries(t)
				equal(t, "body", string(r.body), "")
				e.head(t, key).wants(t, 404)
			},
		},
		{
			ID: "A262", Source: recorded,
			Where: recordings + "aliblobstoreit_testbulkversioneddelete_happypath-post-6.json", Ops: ops,
			Claim: "With encoding-type=url keys are percent-encoded, slashes too, and EncodingType comes first.",
			check: func(t *testing.T, e *env) {
				key := e.key("a b/c")
				e.put(t, key, nil)
				doc := e.deleteAll(t, false, []string{"encoding-type", "url"}, key).wants(t, 200).xml(t)
				equal(t, "elements", doc.names(), "EncodingType Deleted")
				equal(t, "Key", doc.first(t, "Deleted").get("Key"), escapeQuery(key))
			},
		},
		{
			ID: "A263", Source: documented, Where: "docs: DeleteMultipleObjects", Ops: ops,
			Claim: "A list is MalformedXML if it is empty or has more than a thousand keys.",
			check: func(t *testing.T, e *env) {
				e.refused(t, e.deleteAll(t, false, nil), 400, "MalformedXML", "")
				key := e.key("kept")
				e.put(t, key, []byte("x"))
				e.refused(t, e.deleteAll(t, false, nil, strings.Split(strings.Repeat(key+"\n", 1000)+key, "\n")...),
					400, "MalformedXML", "")
				e.holds(t, key, []byte("x"))
			},
		},
		{
			ID: "A264", Source: documented, Where: "docs: DeleteMultipleObjects", Ops: ops,
			Claim: "The list must come with its Content-MD5; with a wrong one nothing is deleted.",
			check: func(t *testing.T, e *env) {
				key := e.key("kept")
				e.put(t, key, []byte("x"))
				body := []byte("<Delete><Object><Key>" + key + "</Key></Object></Delete>")
				for _, header := range [][]string{nil, {"Content-MD5", md5Of([]byte("other"))}} {
					e.send(t, request{method: "POST", query: []string{"delete", ""}, body: body, header: header,
						checked: true}).wants(t, 400)
					e.holds(t, key, []byte("x"))
				}
			},
		},
	}
}
