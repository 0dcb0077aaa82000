package interop

import (
	"crypto/md5"
	"encoding/base64"
	"testing"
)

// A mistake is something that OSS refuses, and what the client's own error must say of it.
type mistake struct {
	name string
	make func(*testing.T, client) error
	want refusal // without RequestID
	head bool    // HEAD, whose reply has no document
}

// mistakes are made by a client whose bucket holds "there", and no other object.
func mistakes() []mistake {
	return []mistake{
		{
			name: "part of no upload",
			make: func(t *testing.T, c client) error {
				_, err := c.part("there", "00000000000000000000000000000000", 1, []byte("x"), extras{})
				return err
			},
			want: refusal{Status: 404, Code: "NoSuchUpload", EC: "0042-00000104"},
		},
		{
			name: "complete twice",
			make: func(t *testing.T, c client) error {
				id, parts := begin(t, c, "twice", []byte("x"))
				if err := c.complete("twice", id, parts, extras{}); err != nil {
					t.Fatal(err)
				}
				return c.complete("twice", id, parts, extras{})
			},
			want: refusal{Status: 404, Code: "NoSuchUpload", EC: "0042-00000203"},
		},
		{
			name: "part that was not sent",
			make: func(t *testing.T, c client) error {
				id, parts := begin(t, c, "k", []byte("x"))
				defer c.abort("k", id)
				return c.complete("k", id, append(parts, part{2, parts[0].ETag, 1}), extras{})
			},
			want: refusal{Status: 400, Code: "InvalidPart", EC: "0042-00000212"},
		},
		{
			name: "small part that is not the last",
			make: func(t *testing.T, c client) error {
				id, parts := begin(t, c, "k", random(1, partSize-1), []byte("x"))
				defer c.abort("k", id)
				return c.complete("k", id, parts, extras{})
			},
			want: refusal{Status: 400, Code: "EntityTooSmall", EC: "0042-00000213"},
		},
		{
			name: "MD5 of other bytes",
			make: func(t *testing.T, c client) error {
				id, _ := begin(t, c, "k")
				defer c.abort("k", id)
				sum := md5.Sum([]byte("y"))
				_, err := c.part("k", id, 1, []byte("x"), extras{md5: base64.StdEncoding.EncodeToString(sum[:])})
				return err
			},
			want: refusal{Status: 400, Code: "InvalidDigest", EC: "0017-00000503"},
		},
		{
			name: "no such key",
			make: func(t *testing.T, c client) error {
				_, err := c.get("not-there")
				return err
			},
			want: refusal{Status: 404, Code: "NoSuchKey", EC: "0026-00000001"},
		},
		{
			name: "no such key, asked with HEAD",
			make: func(t *testing.T, c client) error {
				_, err := c.head("not-there")
				return err
			},
			want: refusal{Status: 404, Code: "NoSuchKey", EC: "0026-00000001"},
			head: true,
		},
		{
			name: "put where nothing may be overwritten",
			make: func(t *testing.T, c client) error {
				return c.put("there", []byte("y"), extras{forbid: true})
			},
			want: refusal{Status: 409, Code: "FileAlreadyExists", EC: "0026-00000002"},
		},
		{
			name: "complete where nothing may be overwritten",
			make: func(t *testing.T, c client) error {
				id, parts := begin(t, c, "there", []byte("y"))
				defer c.abort("there", id)
				return c.complete("there", id, parts, extras{forbid: true})
			},
			want: refusal{Status: 409, Code: "FileAlreadyExists", EC: "0042-00000214"},
		},
	}
}

// begin begins an upload and sends it parts 1, 2 and so on.
func begin(t *testing.T, c client, key string, data ...[]byte) (id string, parts []part) {
	t.Helper()
	id, err := c.initiate(key, extras{})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range data {
		etag, err := c.part(key, id, i+1, d, extras{})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{i + 1, etag, int64(len(d))})
	}
	return id, parts
}

func TestRefusalsAreTheClientsOwnErrors(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		for _, m := range mistakes() {
			if c.trait().lacks[m.name] != "" {
				continue
			}
			srv.PutObject(bucket, "there", []byte("x"))
			checkRefusal(t, srv, c, m, m.make(t, c))
			if o, ok := srv.Object(bucket, "there"); !ok || string(o.Data) != "x" {
				t.Errorf("%s: the object that was there is now %q, %v", m.name, o.Data, ok)
			}
		}
	})
}

// checkRefusal fails t unless err is what the client makes of the refusal that srv sent of late: an
// abort may have followed.
func checkRefusal(t *testing.T, srv *server, c client, m mistake, err error) {
	t.Helper()
	got, ok := c.refusal(err)
	if !ok {
		t.Errorf("%s: %T %v, want the client's own type of error", m.name, err, err)
		return
	}
	want := m.want
	for _, r := range srv.Requests() {
		if string(r.Code) == want.Code {
			want.RequestID = r.RequestID
		}
	}
	if tells := c.trait().tells; tells != nil {
		want = tells(want, m.head)
	}
	if got != want {
		t.Errorf("%s: %+v, want %+v", m.name, got, want)
	}
}

func TestWrongSecretIsTheClientsOwnError(t *testing.T) {
	everyMaker(t, func(t *testing.T, mk maker, w wiring) {
		srv := newServer(t)
		s := good(w)
		s.secret = "not-the-secret"
		m := mistake{name: "wrong secret",
			want: refusal{Status: 403, Code: "SignatureDoesNotMatch", EC: "0002-00000040"}}
		if w.v4 {
			m.want.EC = "0002-00000201"
		}
		c := mk.make(t, srv, s)
		_, err := c.initiate("k", extras{})
		checkRefusal(t, srv, c, m, err)
		checkRefusal(t, srv, c, m, c.put("k", []byte("x"), extras{}))
		_, err = c.uploads("in/", 10)
		checkRefusal(t, srv, c, m, err)
		if keys := srv.Objects(bucket); len(keys) > 0 {
			t.Errorf("stored: %v", keys)
		}
	})
}

func TestMissingBucketIsTheClientsOwnError(t *testing.T) {
	everyMaker(t, func(t *testing.T, mk maker, w wiring) {
		srv := newServer(t)
		s := good(w)
		s.bucket = missing
		m := mistake{name: "missing bucket", want: refusal{Status: 404, Code: "NoSuchBucket", EC: "0015-00000101"}}
		c := mk.make(t, srv, s)
		_, err := c.initiate("k", extras{})
		checkRefusal(t, srv, c, m, err)
		_, err = c.get("k")
		checkRefusal(t, srv, c, m, err)
		_, err = c.uploads("in/", 10)
		checkRefusal(t, srv, c, m, err)
	})
}
