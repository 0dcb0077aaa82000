package oss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func init() {
	for name, markers := range map[string]bool{"DeleteObjects": false, "DeleteObjects with markers": true} {
		operations[name] = func(ctx context.Context, c *oss.Client) error {
			done, err := c.DeleteObjects(ctx, "bucket", []oss.ObjectID{{Key: "a"}, {Key: "b", VersionID: "v"}},
				&oss.DeleteObjectsOptions{Markers: markers})
			if len(done) != 2 || done[0].Key != "a" || done[1].VersionID != "v" ||
				(done[0].Err != nil || done[1].Err != nil) != (err != nil) {
				return impossible("DeleteObjects = %+v, %v", done, err)
			}
			return err
		}
	}
}

// named returns objects with the names that a format gives for 0 to n-1.
func named(format string, n int) []oss.ObjectID {
	objects := make([]oss.ObjectID, n)
	for i := range objects {
		objects[i].Key = fmt.Sprintf(format, i)
	}
	return objects
}

func TestAnyNumberOfObjectsIsDeleted(t *testing.T) {
	for _, tt := range []struct {
		name     string
		objects  []oss.ObjectID
		requests int
	}{
		{"none", nil, 0},
		{"one", named("k%d", 1), 1},
		{"a thousand", named("k%d", 1000), 1},
		{"more", named("k%d", 2001), 3},
		{"of which half do not exist", named("k%d", 40), 1},
		{"with odd names", []oss.ObjectID{{Key: "\x0c\x01"}, {Key: "<&>\"' +%2B"}, {Key: "\u4e2d/\U0001F600"},
			{Key: "a\r\nb\t"}, {Key: " "}}, 1},
		{"twice", []oss.ObjectID{{Key: "k1"}, {Key: "k2"}, {Key: "k1"}}, 1},
		{"with long names that have to be escaped", named(strings.Repeat("&", 1000)+"%04d", 1000), 3},
	} {
		for _, markers := range []bool{false, true} {
			if testing.Short() && markers && len(tt.objects) == 1000 {
				continue
			}
			t.Run(fmt.Sprintf("%s, markers %t", tt.name, markers), func(t *testing.T) {
				srv := newServer(t, nil)
				srv.PutObject("bucket", "kept", nil)
				for i, o := range tt.objects {
					if tt.name != "of which half do not exist" || i%2 == 0 {
						srv.PutObject("bucket", o.Key, nil)
					}
				}
				done, err := srv.Client().DeleteObjects(t.Context(), "bucket", tt.objects,
					&oss.DeleteObjectsOptions{Markers: markers})
				if err != nil || len(done) != len(tt.objects) {
					t.Fatalf("DeleteObjects = %d results, %v, want %d", len(done), err, len(tt.objects))
				}
				for i, d := range done {
					if d != (oss.DeletedObject{ObjectID: tt.objects[i]}) {
						t.Errorf("result %d is %+v, want %v and no error", i, d, tt.objects[i])
					}
				}
				if diff := cmp.Diff([]string{"kept"}, srv.Objects("bucket")); diff != "" {
					t.Errorf("objects left (-want +got):\n%s", diff)
				}
				if n := len(srv.Requests()); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
			})
		}
	}
}

func TestVersionsAreDeletedAndMarkersReported(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.SetVersioning("bucket", true)
	srv.PutObject("bucket", "a", []byte("1"))
	srv.PutObject("bucket", "b", []byte("1"))
	old := srv.Versions("bucket", "a")[0].VersionID
	done, err := c.DeleteObjects(t.Context(), "bucket", []oss.ObjectID{{Key: "a", VersionID: old}, {Key: "b"}},
		&oss.DeleteObjectsOptions{Markers: true})
	if err != nil || done[0].IsDeleteMarker || !done[1].IsDeleteMarker || done[1].MarkerVersionID == "" {
		t.Fatalf("DeleteObjects = %+v, %v, want a version gone and a marker", done, err)
	}
	if left := srv.Versions("bucket", "a"); len(left) != 0 {
		t.Errorf("versions %+v are left", left)
	}
	marker := oss.ObjectID{Key: "b", VersionID: done[1].MarkerVersionID}
	done, err = c.DeleteObjects(t.Context(), "bucket", []oss.ObjectID{marker}, &oss.DeleteObjectsOptions{Markers: true})
	if err != nil || !done[0].IsDeleteMarker || done[0].MarkerVersionID != marker.VersionID {
		t.Errorf("DeleteObjects of a marker = %+v, %v", done, err)
	}
	if _, err := c.HeadObject(t.Context(), "bucket", "b", nil); err != nil {
		t.Errorf("object without its marker: %v", err)
	}
}

func TestADeleteIsRepeatedWhenItsReplyIsLostOrItsBytesDamaged(t *testing.T) {
	for _, effect := range []osstest.Effect{osstest.LoseReply(), osstest.Drop(), osstest.Fail(500, "InternalError"),
		osstest.Fail(400, "InvalidDigest")} {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			defer srv.Close()
			srv.PutObject("bucket", "k0", nil)
			fault := srv.Inject(osstest.Fault{Op: "DeleteMultipleObjects", Times: 2, Effect: effect})
			_, err := srv.Client().DeleteObjects(t.Context(), "bucket", named("k%d", 1), nil)
			if err != nil || fault.Fired() != 2 || len(srv.Objects("bucket")) != 0 {
				t.Errorf("%v: DeleteObjects: %v after %d faults", effect, err, fault.Fired())
			}
		})
	}
}

func TestAFailedDeleteTellsWhichObjectsAreGone(t *testing.T) {
	srv := newServer(t, nil)
	for _, o := range named("k%d", 3500) {
		srv.PutObject("bucket", o.Key, nil)
	}
	srv.Inject(osstest.Fault{Op: "DeleteMultipleObjects", Skip: 1, Effect: osstest.Fail(403, "AccessDenied")})
	done, err := srv.Client().DeleteObjects(t.Context(), "bucket", named("k%d", 3500),
		&oss.DeleteObjectsOptions{Concurrency: 1})
	if !errors.Is(err, oss.ErrAccessDenied) {
		t.Fatalf("DeleteObjects: %v, want AccessDenied", err)
	}
	for i, d := range done {
		if _, exists := srv.Object("bucket", d.Key); exists == (d.Err == nil) || (d.Err == nil) != (i < 1000) {
			t.Fatalf("result %d is %+v, and the object exists: %t", i, d, exists)
		}
		if d.Err != nil && !errors.Is(d.Err, oss.ErrAccessDenied) {
			t.Errorf("result %d: %v, want AccessDenied", i, d.Err)
		}
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d requests, want none after the one that failed", n)
	}
}

// The pages of OSS disagree on what the reply to the quiet form names where it is not empty: the objects that failed,
// or all.
func TestAQuietReplyThatNamesObjectsIsNotBelieved(t *testing.T) {
	for _, tt := range []struct {
		name, verbose string
		want          []bool // deleted
	}{
		{"all are deleted", "<Deleted><Key>k0</Key></Deleted><Deleted><Key>k1</Key></Deleted>", []bool{true, true}},
		{"one is not", "<Deleted><Key>k1</Key></Deleted>", []bool{false, true}},
		{"none is", "", []bool{false, false}},
		{"another is", "<Deleted><Key>k2</Key></Deleted>", []bool{false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(says(200, "<DeleteResult><Deleted><Key>k0</Key></Deleted></DeleteResult>"),
				says(200, "<DeleteResult>"+tt.verbose+"</DeleteResult>"))
			done, err := s.client(t, oss.Config{}).DeleteObjects(t.Context(), "bucket", named("k%d", 2), nil)
			for i, d := range done {
				if (d.Err == nil) != tt.want[i] {
					t.Errorf("%s: %v, want deleted: %t", d.Key, d.Err, tt.want[i])
				}
			}
			if (err == nil) != (tt.want[0] && tt.want[1]) {
				t.Errorf("DeleteObjects: %v", err)
			}
			sent := s.messages()
			if len(sent) != 2 || !strings.Contains(sent[0].Body, "<Quiet>true") ||
				!strings.Contains(sent[1].Body, "<Quiet>false") ||
				sent[0].Header.Get("Content-Md5") != md5of(sent[0].Body) {
				t.Errorf("sent %+v, want a quiet request and a verbose one", sent)
			}
		})
	}
}

func TestDeletesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct{ concurrency, want int }{{0, 4}, {1, 1}, {2, 2}, {64, 10}} {
			srv := osstest.NewServer(nil)
			gate := make(chan struct{})
			var inFlight, most atomic.Int32
			cfg := srv.Config()
			base := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				most.Store(max(most.Load(), inFlight.Add(1)))
				<-gate
				defer inFlight.Add(-1)
				return base.RoundTrip(r)
			})}
			c := newClient(t, cfg)
			done := make(chan error)
			go func() {
				_, err := c.DeleteObjects(t.Context(), "bucket", named("k%d", 9001),
					&oss.DeleteObjectsOptions{Concurrency: tt.concurrency})
				done <- err
			}()
			synctest.Wait() // all that may be in flight are
			if n := int(inFlight.Load()); n != tt.want {
				t.Errorf("Concurrency %d: %d requests in flight, want %d", tt.concurrency, n, tt.want)
			}
			close(gate)
			if err := <-done; err != nil || int(most.Load()) > tt.want {
				t.Errorf("Concurrency %d: %v, with up to %d requests in flight", tt.concurrency, err, most.Load())
			}
			srv.Close()
		}
	})
}

func TestBadDeletesAreNamedBeforeAnyRequest(t *testing.T) {
	c := play(func(*http.Request, string) (*http.Response, error) { panic("a request is sent") }).client(t,
		oss.Config{})
	for _, tt := range []struct {
		name, bucket, want string
		object             oss.ObjectID
		opts               *oss.DeleteObjectsOptions
	}{
		{"no bucket", "", "bucket name is empty", oss.ObjectID{Key: "k"}, nil},
		{"no key", "bucket", "key is empty", oss.ObjectID{}, nil},
		{"long version", "bucket", "version ID", oss.ObjectID{Key: "k", VersionID: strings.Repeat("v", 1025)}, nil},
		{"negative concurrency", "bucket", "Concurrency -1", oss.ObjectID{Key: "k"},
			&oss.DeleteObjectsOptions{Concurrency: -1}},
	} {
		_, err := c.DeleteObjects(t.Context(), tt.bucket, []oss.ObjectID{{Key: "good"}, tt.object}, tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// Everything below a prefix is deleted, a page at a time.
func ExampleClient_DeleteObjects() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	for _, key := range []string{"logs/1", "logs/2", "readme.txt"} {
		srv.PutObject("bucket", key, nil)
	}

	opts := &oss.ListObjectsOptions{Prefix: "logs/"}
	for {
		page, err := client.ListObjects(ctx, "bucket", opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		var objects []oss.ObjectID
		for _, e := range page.Entries {
			objects = append(objects, oss.ObjectID{Key: e.Key})
		}
		done, err := client.DeleteObjects(ctx, "bucket", objects, nil)
		fmt.Println(len(done), err)
		if opts.Token = page.Next; opts.Token == "" || err != nil {
			break
		}
	}
	fmt.Println(srv.Objects("bucket"))
	// Output:
	// 2 <nil>
	// [readme.txt]
}
