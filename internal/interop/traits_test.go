package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// traits are what is not the same of all clients. The zero value is a client that lacks nothing.
type traits struct {
	plain   bool                                  // sends keys as they are: it gets only those that need no escape
	bare    bool                                  // sends no metadata, and no Content-Type
	wirings []wiring                              // those it knows; nil means all
	lacks   map[string]string                     // the tests, and mistakes, that it cannot take, and why
	tells   func(want refusal, head bool) refusal // what its errors keep of a refusal; nil means everything
}

func (t traits) trait() traits { return t }

// knows returns the wirings a client can have.
func (t traits) knows() []wiring {
	if t.wirings == nil {
		return wirings()
	}
	return t.wirings
}

// prefers returns w if a client can have it, and what it can have otherwise.
func (t traits) prefers(w wiring) wiring {
	if known := t.knows(); !slices.Contains(known, w) {
		return known[0]
	}
	return w
}

// odd returns a key that has as much as the clients can take of what is escaped in different ways.
func odd(clients ...client) string {
	for _, c := range clients {
		if c.trait().plain {
			return "dir/plain-key.txt"
		}
	}
	return oddKey
}

// able returns what c can take of x.
func able(c client, x extras) extras {
	if c.trait().bare {
		return extras{}
	}
	return x
}

var aliOSSTraits = traits{
	tells: func(want refusal, head bool) refusal {
		if head {
			want.EC = "" // it makes up the error of a HEAD, and looks at no header but the request ID
		}
		return want
	},
}

var aliyunSDKTraits = traits{
	wirings: []wiring{{false, false}, {false, true}},
	lacks: map[string]string{
		"TestObjectsAreListedInPagesByV2":           "it lists by ListObjects only",
		"TestTagsCanBeChanged":                      "it tags buckets only",
		"TestAppendsGrowTheObject/V1-path-style":    "it leaves the bucket out of the path",
		"TestOldVersionsAreKept":                    "it signs no versions, versioning and versionId",
		"TestCallbacksAreMadeAndAnswered":           "it has no callbacks",
		"TestFailedCallbackIsTheClientsOwnError":    "it has no callbacks",
		"TestSymlinksLeadToTheirTargets":            "it has no symbolic links",
		"put where nothing may be overwritten":      "it has no x-oss-forbid-overwrite",
		"complete where nothing may be overwritten": "it has no x-oss-forbid-overwrite",
	},
	tells: func(want refusal, head bool) refusal {
		if head {
			want.Code = "NotFound" // of its own, by the status
		}
		return want
	},
}

// noParts is why oss-client takes no test of multipart uploads.
const noParts = "its signature V1 has & where the first parameter wants ?"

var ossClientTraits = traits{
	plain:   true,
	wirings: []wiring{{false, true}},
	lacks: map[string]string{
		"TestPartsAreListedAndBecomeTheObject":        noParts,
		"TestAbortedUploadIsGone":                     noParts,
		"TestUploadsAreListedInPages":                 noParts,
		"TestWhatOneClientUploadsInPartsAnotherReads": noParts,
		"TestOneUploadTakesPartsFromTwoClients":       noParts,
		"part of no upload":                           noParts,
		"complete twice":                              noParts,
		"part that was not sent":                      noParts,
		"small part that is not the last":             noParts,
		"MD5 of other bytes":                          noParts,
		"complete where nothing may be overwritten":   noParts,
		"TestBucketsComeAndGo":                        "it signs // where the service has /",
		"TestACLCanBeChanged":                         "it sends the ACL of an object as x-oss-acl",
		"no such key, asked with HEAD":                "it wants a document where there can be none",
		"TestPresignedURLsNeedNoKeys":                 "it has no presigned URLs",
		"TestObjectsAreListedInPagesByV2":             "it lists by ListObjects only",
		"TestOldVersionsAreKept":                      "it has no versions",
		"TestCallbacksAreMadeAndAnswered":             "it has no callbacks",
		"TestFailedCallbackIsTheClientsOwnError":      "it has no callbacks",
		"put where nothing may be overwritten":        "it has no x-oss-forbid-overwrite",
	},
	tells: func(want refusal, head bool) refusal {
		want.EC = ""
		return want
	},
}

var fogTraits = traits{
	plain:   true,
	bare:    true,
	wirings: []wiring{{false, true}},
	lacks: map[string]string{
		"TestAppendsGrowTheObject":                  "it has no appends",
		"TestManyObjectsAreRemovedAtOnce":           "it removes one by one",
		"TestTagsCanBeChanged":                      "it has no tags",
		"TestACLCanBeChanged":                       "it has no ACLs of objects",
		"TestOldVersionsAreKept":                    "it has no versions",
		"TestCallbacksAreMadeAndAnswered":           "it has no callbacks",
		"TestFailedCallbackIsTheClientsOwnError":    "it has no callbacks",
		"TestSymlinksLeadToTheirTargets":            "it has no symbolic links",
		"TestArchivedObjectsAreRestored":            "it has no storage classes",
		"TestPartsAreListedAndBecomeTheObject":      "it copies no parts",
		"TestUploadsAreListedInPages":               "it lists one page, of all uploads",
		"TestPresignedURLsNeedNoKeys":               "it calls URI.encode, which Ruby 3 has no more",
		"TestObjectsAreListedInPagesByV2":           "it lists by ListObjects only",
		"complete twice":                            "it lists the parts first",
		"part that was not sent":                    "it completes with the parts there are",
		"MD5 of other bytes":                        "it has no Content-MD5",
		"put where nothing may be overwritten":      "it has no x-oss-forbid-overwrite",
		"complete where nothing may be overwritten": "it has no x-oss-forbid-overwrite",
	},
	tells: func(want refusal, head bool) refusal {
		if head {
			want.Code = "" // it has the reply, but does not read x-oss-err
		}
		return want
	},
}

// What a client lacks is named after a test or a mistake, or it would hide nothing, and README.md tells of it.
func TestWhatClientsLackIsTestedAndTold(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources []byte
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, text...)
	}
	for _, m := range makers() {
		for what, why := range m.lacks {
			test, _, _ := strings.Cut(what, "/")
			isMistake := slices.ContainsFunc(mistakes(), func(m mistake) bool { return m.name == what })
			if !isMistake && !bytes.Contains(sources, []byte("func "+test+"(")) {
				t.Errorf("%s lacks %q: there is no such test or mistake", m.name, what)
			}
			if !bytes.Contains(readme, []byte(why)) {
				t.Errorf("README.md does not say of %s that %s", m.name, why)
			}
		}
	}
}
