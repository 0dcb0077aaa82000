package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"

	ossv2 "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The files of the scenario tree: so many in each directory, of 4 KiB each.
const (
	treeDirectory = 100
	treeFile      = 4 << 10 // bytes
	treePrefix    = "tree/"
)

// A treeClient is a client that has the scenario tree: it uploads the files below a directory, lists the objects,
// downloads them to another directory and deletes them.
type treeClient interface {
	tree(ctx context.Context, from, to string) error
}

// tree uses UploadFS, DownloadTree and DeleteObjects. v2 below has none of these, so that a program writes the loops.
func (c ours) tree(ctx context.Context, from, to string) error {
	for _, err := range c.up.UploadFS(ctx, bucket, treePrefix, os.DirFS(from), nil) {
		if err != nil {
			return err
		}
	}
	var keys []oss.ObjectID
	down := c.downloader()
	for f, err := range down.DownloadTree(ctx, bucket, treePrefix, to, nil) {
		if err != nil {
			return err
		}
		keys = append(keys, oss.ObjectID{Key: f.Key})
	}
	_, err := c.client.DeleteObjects(ctx, bucket, keys, nil)
	return err
}

func (c v2) tree(ctx context.Context, from, to string) error {
	var names []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path[len(from)+1:])
		}
		return err
	})
	if err != nil {
		return err
	}
	err = each(int64(len(names)), c.job.Workers, func(i int64) error {
		request := c.request(treePrefix + filepath.ToSlash(names[i]))
		_, err := c.PutObjectFromFile(ctx, request, filepath.Join(from, names[i]))
		return err
	})
	if err != nil {
		return err
	}
	pages := c.NewListObjectsV2Paginator(&ossv2.ListObjectsV2Request{
		Bucket: ossv2.Ptr(bucket), Prefix: ossv2.Ptr(treePrefix), MaxKeys: 1000,
	})
	for pages.HasNext() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		err = each(int64(len(page.Contents)), c.job.Workers, func(i int64) error {
			key := page.Contents[i].Key
			path := filepath.Join(to, filepath.FromSlash((*key)[len(treePrefix):]))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return err
			}
			_, err := c.GetObjectToFile(ctx, &ossv2.GetObjectRequest{Bucket: ossv2.Ptr(bucket), Key: key}, path)
			return err
		})
		if err != nil {
			return err
		}
		objects := make([]ossv2.DeleteObject, len(page.Contents))
		for i, o := range page.Contents {
			objects[i].Key = o.Key
		}
		if _, err := c.DeleteMultipleObjects(ctx, &ossv2.DeleteMultipleObjectsRequest{
			Bucket: ossv2.Ptr(bucket), Delete: &ossv2.Delete{Objects: objects, Quiet: true},
		}); err != nil {
			return err
		}
	}
	return nil
}

// tree runs a client process against a server of package osstest in this process, which keeps what it gets, and checks
// that the files came back and that no object is left.
func (b *bench) tree(ctx context.Context, s scenario, client contender, from string) (cost, error) {
	srv := osstest.NewServer(&osstest.Options{
		Region: region, Credentials: []oss.Credentials{{AccessKeyID: keyID, AccessKeySecret: secret}},
	})
	defer srv.Close()
	web := httptest.NewServer(srv)
	defer web.Close()
	to := from + "-back"
	defer os.RemoveAll(to)
	c, err := b.run(ctx, s, client, job{Path: from, URL: web.URL, Workers: s.workers})
	if err != nil {
		return cost{}, err
	}
	if err := sameTrees(from, to); err != nil {
		return cost{}, err
	}
	if left := srv.Objects(bucket); len(left) > 0 {
		return cost{}, fmt.Errorf("%d objects are left", len(left))
	}
	requests := make(map[string]int)
	for _, r := range srv.Requests() {
		requests[r.Op]++
	}
	b.log("%s: %s sent %v", s.name, client.name, requests)
	c.Pieces = s.objects()
	return c, nil
}

// plant makes the files of the scenario tree from a source.
func plant(dir, source string, n int64) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("%03d", i/treeDirectory), fmt.Sprintf("%05d.bin", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, data[i*treeFile:(i+1)*treeFile], 0o666); err != nil {
			return err
		}
	}
	return nil
}

// sameTrees returns an error if two directories have other files.
func sameTrees(a, b string) error {
	files := func(dir string) (map[string][]byte, error) {
		all := make(map[string][]byte)
		return all, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				all[path[len(dir):]], err = os.ReadFile(path)
			}
			return err
		})
	}
	inA, err := files(a)
	if err != nil {
		return err
	}
	inB, err := files(b)
	if err != nil {
		return err
	}
	if !maps.EqualFunc(inA, inB, bytes.Equal) {
		return fmt.Errorf("%s has %d files, and they are not the %d of %s", b, len(inB), len(inA), a)
	}
	return nil
}
