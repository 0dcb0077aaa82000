// Package ossdistribution is a storage driver of github.com/distribution/distribution, the registry of container
// images. It is registered as "oss", with the parameters of the driver that version 3 of distribution has removed, and
// finds what that driver has stored. A registry gets it by importing the package for its side effect:
//
//	import _ "github.com/ossmultipart/go-oss/oss/drivers/distribution"
package ossdistribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/base"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// driverName is the name of the driver in the configuration of a registry, and in errors.
const driverName = "oss"

// redirectTTL is how long a client may use the URL of a redirect.
const redirectTTL = 20 * time.Minute

// A Driver is a storagedriver.StorageDriver. It is safe for concurrent use, also by several processes with the same
// bucket.
type Driver struct {
	base.Base // which checks paths, counts and traces
}

var _ storagedriver.StorageDriver = (*Driver)(nil)

// Options are the options of New. Nil and the zero value mean the defaults.
type Options struct {
	RootDirectory string            // directory in the bucket that is the root of all paths; "" means the bucket
	Encryption    oss.Encryption    // of all objects, at rest; the zero value means that of the bucket
	Uploads       multipart.Options // which all uploads share; Sidecar is always set
}

// New returns a Driver. It sends no request.
func New(c *oss.Client, bucket string, opts *Options) (*Driver, error) {
	if c == nil {
		return nil, errors.New("ossdistribution: the Client is nil")
	}
	if opts == nil {
		opts = &Options{}
	}
	d := &driver{client: c, bucket: bucket, encryption: opts.Encryption}
	if root := strings.Trim(opts.RootDirectory, "/"); root != "" {
		d.root = root + "/"
	}
	if err := oss.CheckObjectName(bucket, d.key("/x")); err != nil {
		return nil, fmt.Errorf("ossdistribution: %w", err)
	}
	uploads := opts.Uploads
	uploads.Sidecar = true
	d.uploader = multipart.NewUploader(c, &uploads)
	uploads.PartSize = 0 // is that of streams: a copy costs no memory, and has larger parts
	d.copier = multipart.NewUploader(c, &uploads)
	return &Driver{base.Base{StorageDriver: d}}, nil
}

// A driver implements the methods of Driver. Its paths are valid, and its errors get the name of the driver.
type driver struct {
	client     *oss.Client
	uploader   *multipart.Uploader
	copier     *multipart.Uploader
	bucket     string
	root       string // prefix of all keys; "" or with a slash at its end
	encryption oss.Encryption
}

// key returns the key of the object at a path.
func (d *driver) key(path string) string { return d.root + strings.TrimPrefix(path, "/") }

// path returns the path of a key.
func (d *driver) path(key string) string { return "/" + strings.TrimPrefix(key, d.root) }

// prefix returns what the keys below a path begin with.
func (d *driver) prefix(path string) string {
	if path == "/" {
		return d.root
	}
	return d.key(path) + "/"
}

// object returns the properties of all objects.
func (d *driver) object() *oss.ObjectOptions {
	return &oss.ObjectOptions{
		ContentType: "application/octet-stream", ACL: oss.ACLPrivate, Encryption: d.encryption,
	}
}

// notFound makes a PathNotFoundError of an error that says that an object does not exist. A bucket that does not exist
// is another error, after which a registry does not take its content for deleted.
func notFound(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, oss.ErrNoSuchBucket) {
		return storagedriver.PathNotFoundError{Path: path}
	}
	return err
}

// Name implements storagedriver.StorageDriver.
func (d *driver) Name() string { return driverName }

// GetContent implements storagedriver.StorageDriver.
func (d *driver) GetContent(ctx context.Context, path string) ([]byte, error) {
	r, err := d.Reader(ctx, path, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// PutContent implements storagedriver.StorageDriver.
func (d *driver) PutContent(ctx context.Context, path string, content []byte) error {
	_, err := d.uploader.UploadBody(ctx, d.bucket, d.key(path), bytes.NewReader(content), d.object())
	return err
}

// Reader implements storagedriver.StorageDriver. An offset at or after the end yields no bytes.
func (d *driver) Reader(ctx context.Context, path string, offset int64) (io.ReadCloser, error) {
	object, err := d.client.GetObject(ctx, d.bucket, d.key(path), &oss.GetOptions{Offset: offset})
	var refused *oss.ServiceError
	if errors.As(err, &refused) && refused.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil
	}
	if err != nil {
		return nil, notFound(path, err)
	}
	return object.Body, nil
}

// Stat implements storagedriver.StorageDriver. The root is a directory even if it is empty, and directories have no
// time.
func (d *driver) Stat(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	if path != "/" {
		info, err := d.client.HeadObject(ctx, d.bucket, d.key(path), nil)
		if err == nil {
			return file(path, info.Size, info.LastModified), nil
		}
		if err = notFound(path, err); !errors.As(err, new(storagedriver.PathNotFoundError)) {
			return nil, err
		}
	}
	below := &oss.ListObjectsOptions{Prefix: d.prefix(path), PageSize: 1}
	for _, err := range d.client.Objects(ctx, d.bucket, below) {
		if err != nil {
			return nil, err
		}
		return directory(path), nil
	}
	if path == "/" {
		return directory(path), nil
	}
	return nil, storagedriver.PathNotFoundError{Path: path}
}

func file(path string, size int64, modified time.Time) storagedriver.FileInfo {
	return storagedriver.FileInfoInternal{
		FileInfoFields: storagedriver.FileInfoFields{Path: path, Size: size, ModTime: modified},
	}
}

func directory(path string) storagedriver.FileInfo {
	return storagedriver.FileInfoInternal{FileInfoFields: storagedriver.FileInfoFields{Path: path, IsDir: true}}
}

// List implements storagedriver.StorageDriver. The paths are sorted by the bytes of their keys.
func (d *driver) List(ctx context.Context, path string) ([]string, error) {
	prefix := d.prefix(path)
	var paths []string
	for entry, err := range d.client.Objects(ctx, d.bucket, &oss.ListObjectsOptions{Prefix: prefix, Delimiter: "/"}) {
		if err != nil {
			return nil, err
		}
		if entry.Key != prefix { // the object that marks an empty directory
			paths = append(paths, strings.TrimSuffix(d.path(entry.Key), "/"))
		}
	}
	if len(paths) == 0 && path != "/" {
		return nil, storagedriver.PathNotFoundError{Path: path}
	}
	return paths, nil
}

// Move implements storagedriver.StorageDriver. OSS cannot rename: the object is copied inside OSS, a large one in
// parts, its CRC-64 compared, and then deleted.
func (d *driver) Move(ctx context.Context, from, to string) error {
	source := oss.CopySource{Bucket: d.bucket, Key: d.key(from)}
	if _, err := d.copier.Copy(ctx, d.bucket, d.key(to), source, d.object()); err != nil {
		return notFound(from, err)
	}
	return d.client.DeleteObject(ctx, d.bucket, source.Key, nil)
}

// Delete implements storagedriver.StorageDriver. It deletes the object at the path and all objects below, and aborts
// the unfinished uploads there.
func (d *driver) Delete(ctx context.Context, path string) error {
	key, found := d.key(path), false
	for up, err := range d.client.Uploads(ctx, d.bucket, &oss.ListUploadsOptions{Prefix: key}) {
		if err == nil && (up.Key == key || strings.HasPrefix(up.Key, key+"/")) {
			found = true
			err = d.discard(ctx, up.Upload)
		}
		if err != nil {
			return err
		}
	}
	switch exists, err := d.client.Exists(ctx, d.bucket, key, nil); {
	case err != nil:
		return err
	case exists:
		found = true
		if err := d.client.DeleteObject(ctx, d.bucket, key, nil); err != nil {
			return err
		}
	}
	var batch []oss.ObjectID
	for entry, err := range d.client.Objects(ctx, d.bucket, &oss.ListObjectsOptions{Prefix: key + "/"}) {
		if err != nil {
			return err
		}
		if batch = append(batch, oss.ObjectID{Key: entry.Key}); len(batch) == deleteBatch {
			if err := d.deleteObjects(ctx, batch); err != nil {
				return err
			}
			found, batch = true, batch[:0]
		}
	}
	if len(batch) == 0 && !found {
		return storagedriver.PathNotFoundError{Path: path}
	}
	return d.deleteObjects(ctx, batch)
}

// deleteBatch is the most objects that one request deletes.
const deleteBatch = 1000

func (d *driver) deleteObjects(ctx context.Context, objects []oss.ObjectID) error {
	if len(objects) == 0 {
		return nil
	}
	results, err := d.client.DeleteObjects(ctx, d.bucket, objects, nil)
	if err != nil {
		return err
	}
	for _, deleted := range results {
		if deleted.Err != nil {
			return deleted.Err
		}
	}
	return nil
}

// RedirectURL implements storagedriver.StorageDriver. The URL is valid for 20 minutes.
func (d *driver) RedirectURL(r *http.Request, path string) (string, error) {
	var signed *oss.Presigned
	var err error
	switch r.Method {
	case http.MethodGet:
		signed, err = d.client.PresignGet(r.Context(), d.bucket, d.key(path), redirectTTL, nil)
	case http.MethodHead:
		signed, err = d.client.PresignHead(r.Context(), d.bucket, d.key(path), redirectTTL, nil)
	default:
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return signed.URL, nil
}

// Walk implements storagedriver.StorageDriver. It visits paths in the order of the bytes of their keys, in which "/a-b"
// is before "/a/b", and needs one request for 1,000 objects.
func (d *driver) Walk(
	ctx context.Context, from string, visit storagedriver.WalkFn, options ...func(*storagedriver.WalkOptions),
) error {
	var o storagedriver.WalkOptions
	for _, option := range options {
		option(&o)
	}
	list := &oss.ListObjectsOptions{Prefix: d.prefix(from)}
	if o.StartAfterHint != "" {
		list.After = d.key(o.StartAfterHint)
	}
	found, current := o.StartAfterHint != "", from
	for {
		page, err := d.client.ListObjects(ctx, d.bucket, list)
		if err != nil {
			return err
		}
		skipped := "" // the directory that visit wants to skip
		for _, entry := range page.Entries {
			found = true
			path := d.path(entry.Key)
			if skipped != "" && strings.HasPrefix(path, skipped) || strings.HasSuffix(path, "/") {
				continue
			}
			skipped = ""
			infos := append(newDirectories(current, path), file(path, entry.Size, entry.LastModified))
			for _, info := range infos {
				current = info.Path()
				err := visit(info)
				if errors.Is(err, storagedriver.ErrSkipDir) && info.IsDir() {
					skipped = info.Path() + "/"
					break
				}
				if errors.Is(err, storagedriver.ErrFilledBuffer) {
					return nil
				}
				if err != nil && !errors.Is(err, storagedriver.ErrSkipDir) {
					return err
				}
			}
		}
		switch {
		case page.Next == "" && !found && from != "/":
			return storagedriver.PathNotFoundError{Path: from}
		case page.Next == "":
			return nil
		case skipped != "":
			list.After, list.Token = d.key(skipped)+"~", "" // which is after all paths below
		default:
			list.Token = page.Next
		}
	}
}

// newDirectories returns the directories of path that are not those of before, the path that was visited before.
func newDirectories(before, path string) (dirs []storagedriver.FileInfo) {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' && !strings.HasPrefix(before+"/", path[:i+1]) {
			dirs = append(dirs, directory(path[:i]))
		}
	}
	return dirs
}
