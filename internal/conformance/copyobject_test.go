package conformance_test

import "testing"

// copyObjectAssumptions are about what a CopyObject takes along.
func copyObjectAssumptions() []assumption {
	ops := []string{"CopyObject"}
	copyTo := func(t *testing.T, e *env, header ...string) *reply {
		t.Helper()
		return e.send(t, request{method: "PUT", key: e.key("copy"),
			header: append([]string{"x-oss-copy-source", e.source(e.key("source"))}, header...)})
	}
	return []assumption{
		{
			ID: "A275", Source: documented, Where: "docs: CopyObject, x-oss-metadata-directive", Ops: ops,
			Claim: "With COPY, the default, the copy has the source's headers and metadata; with " +
				"REPLACE those of the request.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("source"), []byte("x"), "Content-Type", "text/x-source", "x-oss-meta-of", "source")
				own := []string{"Content-Type", "text/x-own", "x-oss-meta-of", "own"}
				for directive, want := range map[string]string{"": "source", "COPY": "source", "REPLACE": "own"} {
					header := own
					if directive != "" {
						header = append([]string{"x-oss-metadata-directive", directive}, own...)
					}
					copyTo(t, e, header...).wants(t, 200)
					e.head(t, e.key("copy")).wants(t, 200).is(t, "Content-Type", "text/x-"+want, "x-oss-meta-of", want)
				}
				e.refused(t, copyTo(t, e, "x-oss-metadata-directive", "KEEP"), 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A276", Source: documented, Where: "docs: CopyObject, x-oss-tagging-directive",
			Ops:   append(ops, "GetObjectTagging"),
			Claim: "With Copy, the default, the copy has the source's tags; with Replace those of the request.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("source"), []byte("x"), "x-oss-tagging", "of=source")
				for directive, want := range map[string]string{"Copy": "source", "Replace": "own"} {
					copyTo(t, e, "x-oss-tagging-directive", directive, "x-oss-tagging", "of=own").wants(t, 200)
					doc := e.send(t, request{method: "GET", key: e.key("copy"), query: []string{"tagging", ""}}).wants(
						t, 200).xml(t)
					equal(t, directive, doc.first(t, "TagSet").first(t, "Tag").get("Value"), want)
				}
			},
		},
		{
			ID: "A277", Source: documented, Where: "docs: CopyObject", Ops: ops,
			Claim: "Conditions on the source: a failed if-match is 412, a failed if-none-match " +
				"304; nothing is copied then.",
			check: func(t *testing.T, e *env) {
				data := []byte("x")
				e.put(t, e.key("source"), data)
				e.refused(t, copyTo(t, e, "x-oss-copy-source-if-match", etagOf([]byte("y"))),
					412, "PreconditionFailed", "")
				copyTo(t, e, "x-oss-copy-source-if-none-match", etagOf(data)).wants(t, 304)
				e.head(t, e.key("copy")).wants(t, 404)
				copyTo(t, e, "x-oss-copy-source-if-match", etagOf(data)).wants(t, 200)
				e.holds(t, e.key("copy"), data)
			},
		},
	}
}
