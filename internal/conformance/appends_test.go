package conformance_test

import (
	"strconv"
	"testing"
)

// appendTo appends to an object, whatever becomes of it.
func (e *env) appendTo(t *testing.T, key string, position int, data string) *reply {
	t.Helper()
	return e.send(t, request{method: "POST", key: key,
		query: []string{"append", "", "position", strconv.Itoa(position)}, body: []byte(data)})
}

// appendAssumptions are about AppendObject.
func appendAssumptions() []assumption {
	return []assumption{
		{
			ID: "A270", Source: documented, Where: "docs: AppendObject; error page EC 0026-00000016",
			Ops: []string{"AppendObject", "HeadObject"},
			Claim: "An appended object is of type Appendable; each reply, and HEAD, tell its CRC-64 and " +
				"where the next append begins.",
			check: func(t *testing.T, e *env) {
				key := e.key("log")
				e.appendTo(t, key, 0, "one").wants(t, 200).is(t, "x-oss-next-append-position", "3",
					"x-oss-hash-crc64ecma", crcOf([]byte("one")))
				r := e.appendTo(t, key, 3, "two").wants(t, 200)
				r.is(t, "x-oss-next-append-position", "6", "x-oss-hash-crc64ecma", crcOf([]byte("onetwo")))
				e.head(t, key).wants(t, 200).is(t, "x-oss-object-type", "Appendable", "x-oss-next-append-position", "6",
					"ETag", r.header.Get("ETag"), "x-oss-hash-crc64ecma",
					crcOf([]byte("onetwo")), "Content-Length", "6")
				e.holds(t, key, []byte("onetwo"))
			},
		},
		{
			ID: "A271", Source: documented, Where: "error page EC 0026-00000016; docs: HTTP status code 409",
			Ops:   []string{"AppendObject"},
			Claim: "An append that does not begin at the end is 409 PositionNotEqualToLength, and nothing is appended.",
			check: func(t *testing.T, e *env) {
				key := e.key("log")
				e.appendTo(t, key, 0, "one").wants(t, 200)
				for _, position := range []int{0, 2, 4} {
					doc := e.refused(t, e.appendTo(t, key, position, "x"), 409,
						"PositionNotEqualToLength", "0026-00000016")
					equal(t, "Message", doc.get("Message"), "Position is not equal to file length")
				}
				e.holds(t, key, []byte("one"))
			},
		},
		{
			ID: "A272", Source: documented, Where: "error page EC 0026-00000017", Ops: []string{"AppendObject"},
			Claim: "Nothing can be appended to an object of another type: 409 ObjectNotAppendable.",
			check: func(t *testing.T, e *env) {
				key := e.key("normal")
				e.put(t, key, []byte("one"))
				e.refused(t, e.appendTo(t, key, 3, "two"), 409, "ObjectNotAppendable", "0026-00000017")
				e.holds(t, key, []byte("one"))
			},
		},
		{
			ID: "A273", Source: documented, Where: "error page EC 0016-00000501", Ops: []string{"AppendObject"},
			Claim: "An append needs a position.",
			check: func(t *testing.T, e *env) {
				key := e.key("log")
				e.send(t, request{method: "POST", key: key, query: []string{"append", ""}, body: []byte("x")}).wants(t,
					400)
				e.head(t, key).wants(t, 404)
			},
		},
		{
			ID: "A274", Source: documented, Where: "docs: Append upload, Usage notes",
			Ops:      []string{"CopyObject", "UploadPartCopy"},
			FakeOnly: "newer pages leave the sentence out: the service may have learned it",
			Claim:    "An appendable object cannot be copied: 400 OperationNotSupported.",
			check: func(t *testing.T, e *env) {
				key := e.key("log")
				e.appendTo(t, key, 0, "one").wants(t, 200)
				r := e.send(t, request{method: "PUT", key: e.key("copy"),
					header: []string{"x-oss-copy-source", e.source(key)}})
				e.refused(t, r, 400, "OperationNotSupported", "")
				e.refused(t, e.copyPart(t, e.key("parts"), e.initiate(t, e.key("parts")), "1", e.source(key)), 400,
					"OperationNotSupported", "")
			},
		},
	}
}
