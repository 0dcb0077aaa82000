package multipart_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Whatever is the same on both sides is found with a listing alone, or with a HeadObject where the listing cannot tell.
func TestUploadFSSkips(t *testing.T) {
	dir := smallTree.write(t)
	for _, test := range []struct {
		name   string
		fsys   fs.FS
		skip   multipart.Skip
		object func(string, fs.DirEntry) *oss.ObjectOptions
		want   string
	}{
		{"identical", os.DirFS(dir), multipart.SkipIdentical, nil, "map[HeadObject:1 ListObjectsV2:1]"},
		{"unchanged", os.DirFS(dir), multipart.SkipUnchanged, nil, "map[ListObjectsV2:1]"},
		{"identical streams", hideFiles{os.DirFS(dir)}, multipart.SkipIdentical, nil,
			"map[HeadObject:1 ListObjectsV2:1]"},
		{"same class", os.DirFS(dir), multipart.SkipIdentical, func(string, fs.DirEntry) *oss.ObjectOptions {
			return &oss.ObjectOptions{StorageClass: oss.StorageStandard}
		}, "map[HeadObject:1 ListObjectsV2:1]"},
		{"same type", os.DirFS(dir), multipart.SkipIdentical, func(string, fs.DirEntry) *oss.ObjectOptions {
			return &oss.ObjectOptions{ContentType: "text/plain"}
		}, "map[HeadObject:9 ListObjectsV2:1]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				u := multipart.NewUploader(srv.Client(), settings(100))
				opts := &multipart.UploadTreeOptions{Skip: test.skip, Object: test.object}
				first := uploaded(t, u.UploadFS(t.Context(), bucket, "p", test.fsys, opts))
				srv.PutObject(bucket, "p/also", nil)
				before := len(srv.Requests())
				got := uploaded(t, u.UploadFS(t.Context(), bucket, "p", test.fsys, opts))
				want := make(map[string]error)
				for path := range first {
					want[path] = errSkipped
				}
				got.want(t, want)
				if got := count(srv, before); got != test.want {
					t.Errorf("requests %v, want %v", got, test.want)
				}
			})
		})
	}
}

// hideFiles hides that the files of an fs.FS are those of the operating system.
type hideFiles struct{ fs.FS }

func (h hideFiles) Open(name string) (fs.File, error) {
	f, err := h.FS.Open(name)
	if d, ok := f.(fs.ReadDirFile); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return struct{ fs.ReadDirFile }{d}, nil
		}
	}
	return struct{ fs.File }{f}, err
}

// A file that differs in anything is uploaded again, and the others are not.
func TestUploadFSUploadsWhatDiffers(t *testing.T) {
	files := tree{"same": "same", "size": "longer", "bytes": "after!", "new": "new", "large": strings.Repeat("y", 250)}
	dir := files.write(t)
	for skip, want := range map[multipart.Skip]map[string]error{
		multipart.SkipIdentical: {"same": errSkipped, "size": nil, "bytes": nil, "new": nil, "large": errSkipped},
		// By time all of them are older than the objects.
		multipart.SkipUnchanged: {
			"same": errSkipped, "size": nil, "bytes": errSkipped, "new": nil, "large": errSkipped,
		},
	} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			tree{"same": "same", "size": "short", "bytes": "before", "large": files["large"]}.put(srv, "")
			u := multipart.NewUploader(srv.Client(), settings(100))
			opts := &multipart.UploadTreeOptions{Skip: skip}
			uploaded(t, u.UploadFS(t.Context(), bucket, "", os.DirFS(dir), opts)).want(t, want)
			if skip == multipart.SkipIdentical {
				files.wantObjects(t, srv, "")
			}
		})
	}
	t.Run("a file that is newer than the object", func(t *testing.T) {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			tree{"f": "old"}.put(srv, "")
			fsys := fstest.MapFS{"f": {Data: []byte("new"), ModTime: time.Now().Add(time.Second)}}
			u := multipart.NewUploader(srv.Client(), nil)
			opts := &multipart.UploadTreeOptions{Skip: multipart.SkipUnchanged}
			uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, opts)).want(t, map[string]error{"f": nil})
			fsys["f"].ModTime = time.Time{} // unknown
			uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, opts)).want(t, map[string]error{"f": nil})
		})
	})
	t.Run("an Uploader that skips", func(t *testing.T) {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			files.put(srv, "")
			u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
			for f, err := range u.UploadFS(t.Context(), bucket, "", os.DirFS(dir), nil) {
				if err != nil || !f.Skipped {
					t.Errorf("%+v, %v", f, err)
				}
			}
		})
	})
}

// Pages of the listing that lie between the files are not requested: ten files cost at most ten pages, however many
// objects there are, and pages that have several of the files cost one request.
func TestUploadFSListsOnlyWhatItCompares(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		files := make(tree)
		for i := range 9000 {
			files[fmt.Sprintf("%04d", i)] = "text"
		}
		files.put(srv, "")
		few := make(tree)
		for _, name := range []string{"0000", "0001", "0500", "4000", "4001", "8999", "9500", "9600"} {
			few[name] = "text"
		}
		u := multipart.NewUploader(srv.Client(), nil)
		opts := &multipart.UploadTreeOptions{Skip: multipart.SkipIdentical}
		got := uploaded(t, u.UploadFS(t.Context(), bucket, "", os.DirFS(few.write(t)), opts))
		want := make(map[string]error)
		for name := range few {
			want[name] = errSkipped
		}
		want["9500"], want["9600"] = nil, nil
		got.want(t, want)
		if got := count(srv, 0); got != "map[ListObjectsV2:3 PutObject:2]" {
			t.Errorf("requests %v", got)
		}
	})
}
