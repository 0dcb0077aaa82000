package interop

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyPair runs f with every two clients, each pair on a server of its own. The first signs with V1, the
// second with V4, and they address in different ways: the service is one all the same.
func everyPair(t *testing.T, f func(t *testing.T, srv *server, writer, reader client)) {
	for _, from := range makers() {
		for _, to := range makers() {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				srv := newServer(t)
				f(t, srv, from.make(t, srv, good(wiring{hosted: true})), to.make(t, srv, good(wiring{v4: true})))
			})
		}
	}
}

func TestWhatOneClientWritesAnotherReads(t *testing.T) {
	everyPair(t, func(t *testing.T, srv *server, writer, reader client) {
		small, one, two := random(1, 1000), random(2, partSize), random(3, 5)
		if err := writer.put("small", small, extras{kind: "text/x-odd", color: "green"}); err != nil {
			t.Fatal(err)
		}
		id, parts := begin(t, writer, oddKey, one, two)
		if err := writer.complete(oddKey, id, parts, extras{}); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string][]byte{"small": small, oddKey: slices.Concat(one, two)} {
			if got, err := reader.get(key); err != nil || !bytes.Equal(got, want) {
				t.Errorf("get %s = %d bytes, %v, want the %d that were written", key, len(got), err, len(want))
			}
			wrote, err := writer.head(key)
			if err != nil {
				t.Fatal(err)
			}
			if read, err := reader.head(key); err != nil || read != wrote {
				t.Errorf("head %s = %+v, %v, to the writer %+v", key, read, err, wrote)
			}
		}
		if err := reader.remove("small"); err != nil {
			t.Fatal(err)
		}
		_, err := writer.get("small")
		if r, ok := writer.refusal(err); !ok || r.Code != "NoSuchKey" {
			t.Errorf("get after remove: %v, want NoSuchKey", err)
		}
	})
}

func TestOneUploadTakesPartsFromTwoClients(t *testing.T) {
	everyPair(t, func(t *testing.T, srv *server, writer, reader client) {
		one, two := random(1, partSize), random(2, partSize)
		id, parts := begin(t, writer, oddKey, one)
		if got, err := reader.uploads("", 10); err != nil || !cmp.Equal(got, []upload{{oddKey, id}}) {
			t.Fatalf("uploads = %v, %v, want the one that was begun", got, err)
		}
		etag, err := reader.part(oddKey, id, 2, two, extras{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := writer.parts(oddKey, id, 10)
		if diff := cmp.Diff(append(parts, part{2, etag, partSize}), got); err != nil || diff != "" {
			t.Fatalf("parts: %v, or they differ (-want +got):\n%s", err, diff)
		}
		if err := reader.complete(oddKey, id, got, extras{}); err != nil {
			t.Fatal(err)
		}
		if data, err := writer.get(oddKey); err != nil || !bytes.Equal(data, slices.Concat(one, two)) {
			t.Errorf("get = %d bytes, %v", len(data), err)
		}
	})
}
