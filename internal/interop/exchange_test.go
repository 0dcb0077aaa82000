package interop

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyPair runs f with every two clients that can take the test, each pair on a server of its own. The first signs
// with V1, the second with V4 if it can, and they address in different ways if they can: the service is one all the
// same.
func everyPair(t *testing.T, f func(t *testing.T, srv *server, writer, reader client)) {
	for _, from := range makers() {
		for _, to := range makers() {
			if from.lacks[t.Name()] != "" || to.lacks[t.Name()] != "" {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				srv := newServer(t)
				f(t, srv, from.make(t, srv, good(wiring{hosted: true})),
					to.make(t, srv, good(to.prefers(wiring{v4: true}))))
			})
		}
	}
}

func TestWhatOneClientPutsAnotherReads(t *testing.T) {
	everyPair(t, func(t *testing.T, srv *server, writer, reader client) {
		data := random(1, 1000)
		if err := writer.put("small", data, extras{kind: "text/x-odd", color: "green"}); err != nil {
			t.Fatal(err)
		}
		checkSame(t, writer, reader, "small", data)
		if err := reader.remove("small"); err != nil {
			t.Fatal(err)
		}
		_, err := writer.get("small")
		if r, ok := writer.refusal(err); !ok || r.Code != "NoSuchKey" {
			t.Errorf("get after remove: %v, want NoSuchKey", err)
		}
	})
}

func TestWhatOneClientUploadsInPartsAnotherReads(t *testing.T) {
	everyPair(t, func(t *testing.T, srv *server, writer, reader client) {
		key, one, two := odd(writer, reader), random(2, partSize), random(3, 5)
		id, parts := begin(t, writer, key, one, two)
		if err := writer.complete(key, id, parts, extras{}); err != nil {
			t.Fatal(err)
		}
		checkSame(t, writer, reader, key, slices.Concat(one, two))
	})
}

// checkSame fails t unless the object has these bytes, and both clients say the same of it.
func checkSame(t *testing.T, writer, reader client, key string, data []byte) {
	t.Helper()
	if got, err := reader.get(key); err != nil || !bytes.Equal(got, data) {
		t.Errorf("get %s = %d bytes, %v, want the %d that were written", key, len(got), err, len(data))
	}
	wrote, err := writer.head(key)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := reader.head(key); err != nil || read != wrote {
		t.Errorf("head %s = %+v, %v, to the writer %+v", key, read, err, wrote)
	}
}

func TestOneUploadTakesPartsFromTwoClients(t *testing.T) {
	everyPair(t, func(t *testing.T, srv *server, writer, reader client) {
		one, two := random(1, partSize), random(2, partSize)
		id, parts := begin(t, writer, odd(writer, reader), one)
		if got, err := reader.uploads("", 10); err != nil || !cmp.Equal(got, []upload{{odd(writer, reader), id}}) {
			t.Fatalf("uploads = %v, %v, want the one that was begun", got, err)
		}
		etag, err := reader.part(odd(writer, reader), id, 2, two, extras{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := writer.parts(odd(writer, reader), id, 10)
		if diff := cmp.Diff(append(parts, part{2, etag, partSize}), got); err != nil || diff != "" {
			t.Fatalf("parts: %v, or they differ (-want +got):\n%s", err, diff)
		}
		if err := reader.complete(odd(writer, reader), id, got, extras{}); err != nil {
			t.Fatal(err)
		}
		if data, err := writer.get(odd(writer, reader)); err != nil || !bytes.Equal(data, slices.Concat(one, two)) {
			t.Errorf("get = %d bytes, %v", len(data), err)
		}
	})
}
