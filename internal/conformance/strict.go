package conformance

import "testing"

// strictAssumptions are about what the service takes, refuses and calls otherwise than its documentation suggests.
func strictAssumptions() []Assumption {
	return []Assumption{
		{
			ID: "A470", Source: LiveTest, Where: phpSDK + " testObject; " + cppSDK + " ObjectCopySameObjectMetaCopy", Ops: []string{"CopyObject"},
			Claim: "A copy onto itself takes the metadata of the request, if there is any, with COPY and without a directive.",
			check: func(t *testing.T, e *env) {
				for _, directive := range [][]string{nil, {"x-oss-metadata-directive", "COPY"}} {
					key := e.key("object")
					e.put(t, key, nil, "x-oss-meta-a", "old")
					source := []string{"x-oss-copy-source", "/" + e.bucket + "/" + key, "x-oss-meta-b", "new"}
					e.send(t, request{method: "PUT", key: key, header: append(source, directive...)}).wants(t, 200)
					e.head(t, key).wants(t, 200).is(t, "x-oss-meta-a", "", "x-oss-meta-b", "new")
				}
			},
		},
	}
}
