package interop

import (
	"net/http"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A client is one of the clients under test, set up for one bucket. Its methods do what their callers
// ask with the calls that a user of the client would make, and return its errors as they are.
type client interface {
	put(key string, data []byte, x extras) error
	get(key string) ([]byte, error)
	head(key string) (info, error)
	remove(key string) error
	copy(from, to string) error
	append(key string, position int64, data []byte) (next int64, err error)

	initiate(key string, x extras) (id string, err error)
	part(key, id string, number int, data []byte, x extras) (etag string, err error)
	copyPart(key, id string, number int, from string, offset, size int) (etag string, err error)
	complete(key, id string, parts []part, x extras) error
	abort(key, id string) error
	parts(key, id string, page int) ([]part, error)          // all of them, from pages of that length
	uploads(prefix string, page int) ([]upload, error)       // so these
	list(prefix string, page int, v2 bool) ([]string, error) // keys

	// presign returns a URL for a GET or a PUT, of a part if id is not empty, and the headers it demands.
	presign(method, key, id string, number int) (string, http.Header, error)

	// refusal reads the client's own type of error.
	refusal(err error) (refusal, bool)

	manager
	featured
	trait() traits
}

// A manager is the side of a client that not every upload needs.
type manager interface {
	makeBucket(name string) error
	dropBucket(name string) error
	buckets() ([]string, error)

	removeAll(keys []string) (removed []string, err error)
	setTags(key string, tags map[string]string) error
	tags(key string) (map[string]string, error)
	setACL(key, acl string) error
	acl(key string) (string, error)

	keepVersions() error
	versions(prefix string, page int) ([]version, error) // all of them, from pages of that length, markers last
	getVersion(key, id string) ([]byte, error)
}

// A featured client knows what few uploads ask for.
type featured interface {
	putNotified(key string, data []byte, n notice) (answer string, err error)
	completeNotified(key, id string, parts []part, n notice) (answer string, err error)
	link(key, target string) error
	target(key string) (string, error)
	archive(key string, data []byte) error // put, in class Archive
	restore(key string) error
}

// A notice is what OSS is to tell a server of the user's after an upload: a callback.
type notice struct {
	URL, Body, Type string
	Vars            map[string]string // names without "x:"
}

// A version is one of an object, or a marker that it was deleted.
type version struct {
	Key, ID string
	Marker  bool
}

// extras are what few calls need.
type extras struct {
	md5    string // Content-MD5, where it is not to be the true one
	forbid bool   // x-oss-forbid-overwrite
	kind   string // Content-Type
	color  string // x-oss-meta-color
}

// An info is what a client says of an object.
type info struct {
	size              int64
	etag, kind, color string
}

// A part is a part as listed, or as Complete wants it. ETags have their quotes.
type part struct {
	Number int
	ETag   string
	Size   int64
}

// An upload is an unfinished upload as listed.
type upload struct{ Key, ID string }

// A refusal is what a client's error says of the server's.
type refusal struct {
	Status              int
	Code, RequestID, EC string
}

// A setup is what a client is made from.
type setup struct {
	wiring
	bucket, secret string
}

// good is a setup that the server takes.
func good(w wiring) setup { return setup{w, bucket, osstest.AccessKeySecret} }

// A maker makes clients of one kind.
type maker struct {
	name string
	make func(*testing.T, *server, setup) client
	traits
}

func makers() []maker {
	return []maker{
		{"go-v1", newGoV1, traits{}},
		{"go-v2", newGoV2, traits{}},
		{"ali-oss", newAliOSS, aliOSSTraits},
		{"aliyun-sdk", newAliyunSDK, aliyunSDKTraits},
		{"oss-client", newOSSClient, ossClientTraits},
		{"fog-aliyun", newFog, fogTraits},
		{"go-oss", newOurs, traits{}},
	}
}

// everyMaker runs f with each maker in each wiring it knows, but for those that lack what the test is about.
func everyMaker(t *testing.T, f func(*testing.T, maker, wiring)) {
	for _, m := range makers() {
		if m.lacks[t.Name()] != "" {
			continue
		}
		for _, w := range m.knows() {
			if m.lacks[t.Name()+"/"+w.String()] != "" {
				continue
			}
			t.Run(m.name+"/"+w.String(), func(t *testing.T) { f(t, m, w) })
		}
	}
}

// everyClient runs f with each client in each wiring, on a server of its own.
func everyClient(t *testing.T, f func(*testing.T, *server, client)) {
	everyMaker(t, func(t *testing.T, m maker, w wiring) {
		srv := newServer(t)
		f(t, srv, m.make(t, srv, good(w)))
		srv.checkWiring(t, w)
	})
}

// everyWiring runs f in each wiring, on a server of its own: for what only one client can do.
func everyWiring(t *testing.T, f func(*testing.T, *server, setup)) {
	for _, w := range wirings() {
		t.Run(w.String(), func(t *testing.T) {
			srv := newServer(t)
			f(t, srv, good(w))
			srv.checkWiring(t, w)
		})
	}
}
