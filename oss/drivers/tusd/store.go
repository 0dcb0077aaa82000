// Package osstusd is a data store of github.com/tus/tusd/v2, the server of resumable uploads. It implements the core
// protocol and the extensions creation, creation-defer-length, termination and concatenation.
package osstusd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// Options are the options of a Store. Nil and the zero value mean the defaults.
type Options struct {
	// Prefix is that of the objects: the key is Prefix and the ID of the upload. A hook that sets Storage["Key"] in the
	// pre-create event chooses another key.
	Prefix string

	// StatePrefix is that of the small objects that describe uploads; "" means DefaultStatePrefix. No other object may
	// have it.
	StatePrefix string

	// Uploads are the options of uploads, which share their limits over all clients. The Store sets the fields Store,
	// Recover, KeepParts and Sidecar.
	Uploads multipart.Options
}

// DefaultStatePrefix is the default of Options.StatePrefix.
const DefaultStatePrefix = ".tus/"

// A Store is a handler.DataStore that keeps uploads in a bucket. It holds no state of its own: another process with the
// same options can serve any request. It needs a handler.Locker, because one request at a time may write to an upload:
// memorylocker of tusd for one process, or one that all processes share. A Store is safe for concurrent use.
type Store struct {
	client   *oss.Client
	uploader *multipart.Uploader
	bucket   string
	prefix   string
	state    string
}

var (
	_ handler.TerminaterDataStore     = (*Store)(nil)
	_ handler.ConcaterDataStore       = (*Store)(nil)
	_ handler.LengthDeferrerDataStore = (*Store)(nil)
	_ handler.ContentServerDataStore  = (*Store)(nil)
)

// New returns a Store. It sends no request.
func New(c *oss.Client, bucket string, opts *Options) (*Store, error) {
	if c == nil {
		return nil, errors.New("osstusd: the Client is nil")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	s := &Store{client: c, bucket: bucket, prefix: o.Prefix, state: cmp.Or(o.StatePrefix, DefaultStatePrefix)}
	if err := cmp.Or(oss.CheckObjectName(bucket, s.prefix+"x"), oss.CheckObjectName(bucket, s.state)); err != nil {
		return nil, fmt.Errorf("osstusd: %w", err)
	}
	if strings.HasPrefix(s.prefix, s.state) {
		return nil, fmt.Errorf("osstusd: the prefix %q of objects begins with that of their state", s.prefix)
	}
	records, err := multipart.NewObjectStore(c, bucket, s.state+"writers/")
	if err != nil {
		return nil, fmt.Errorf("osstusd: %w", err)
	}
	o.Uploads.Store = struct{ multipart.Store }{records} // without its locks, because tusd has its own
	o.Uploads.Recover, o.Uploads.KeepParts, o.Uploads.Sidecar = true, false, false
	s.uploader = multipart.NewUploader(c, &o.Uploads)
	return s, nil
}

// UseIn sets s as the core of a composer, with all extensions but the Locker.
func (s *Store) UseIn(composer *handler.StoreComposer) {
	composer.UseCore(s)
	composer.UseTerminater(s)
	composer.UseConcater(s)
	composer.UseLengthDeferrer(s)
	composer.UseContentServer(s)
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (s *Store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*upload) }

// AsConcatableUpload implements handler.ConcaterDataStore.
func (s *Store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload { return u.(*upload) }

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (s *Store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}

// AsServableUpload implements handler.ContentServerDataStore.
func (s *Store) AsServableUpload(u handler.Upload) handler.ServableUpload { return u.(*upload) }

// MaxSize is the size of the largest object, in bytes. With default options an upload can have 257 GiB: a larger one
// needs a larger Options.Uploads.PartSize.
const MaxSize = oss.MaxPartSize * oss.MaxPartNumber

// errExists refuses an ID that a hook has chosen twice.
var errExists = handler.NewError("ERR_UPLOAD_EXISTS", "an upload with this ID exists", http.StatusConflict)

// NewUpload saves the description of an upload. Nothing else is in OSS until its first bytes arrive.
func (s *Store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	if info.Size > MaxSize {
		return nil, handler.ErrMaxSizeExceeded
	}
	info.ID = cmp.Or(info.ID, strings.ToLower(rand.Text()))
	key := cmp.Or(info.Storage["Key"], s.prefix+info.ID)
	if !isID(info.ID) || strings.HasPrefix(key, s.state) {
		return nil, fmt.Errorf("osstusd: an upload cannot have the ID %q and the key %q", info.ID, key)
	}
	err := cmp.Or(oss.CheckObjectName(s.bucket, key), oss.CheckObjectName(s.bucket, s.infoKey(info.ID)))
	if err != nil {
		return nil, fmt.Errorf("osstusd: %w", err)
	}
	info.Storage = map[string]string{"Type": "osstusd", "Bucket": s.bucket, "Key": key}
	u := &upload{store: s, info: info, found: true}
	err = u.save(ctx, &oss.ObjectOptions{ForbidOverwrite: true})
	if errors.Is(err, oss.ErrAlreadyExists) {
		return nil, errExists
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// GetUpload reads the description of an upload. If there is none, the error is handler.ErrNotFound.
func (s *Store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	if !isID(id) || oss.CheckObjectName(s.bucket, s.infoKey(id)) != nil {
		return nil, handler.ErrNotFound
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.infoKey(id), nil)
	if errors.Is(err, oss.ErrNoSuchKey) {
		return nil, handler.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	u := &upload{store: s}
	if err := json.NewDecoder(io.LimitReader(object.Body, maxInfo)).Decode(&u.info); err != nil {
		return nil, fmt.Errorf("osstusd: the description of upload %q: %w", id, err)
	}
	if u.info.ID != id || u.key() == "" {
		return nil, fmt.Errorf("osstusd: the description of upload %q is that of another", id)
	}
	return u, nil
}

// maxInfo bounds the description of an upload, whose metadata and partial uploads were in the header of a request.
const maxInfo = 4 << 20 // bytes

// isID reports whether id names one object below a prefix, whatever a proxy makes of dots and slashes.
func isID(id string) bool { return fs.ValidPath(id) && id != "." }

func (s *Store) infoKey(id string) string { return s.state + "info/" + id + ".json" }

// save saves the description of u.
func (u *upload) save(ctx context.Context, opts *oss.ObjectOptions) error {
	info := u.info
	info.Offset = 0 // the parts tell it
	text, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("osstusd: %w", err)
	}
	_, err = u.store.uploader.Upload(ctx, u.store.bucket, u.store.infoKey(info.ID), bytes.NewReader(text), opts)
	return err
}

// idMetadata is the metadata that tells of which upload an object is.
const idMetadata = "tus-id"

// options returns those of the object: the content type is the metadata "filetype". Other metadata of the client has
// escaped values, as in the path of a URL. What OSS cannot hold is left out: names of other characters than letters,
// digits and hyphens, and more than 8 KiB together.
func (u *upload) options() *oss.ObjectOptions {
	o := &oss.ObjectOptions{Metadata: map[string]string{idMetadata: url.PathEscape(u.info.ID)}}
	left := 7<<10 - len(u.info.ID)
	for _, name := range slices.Sorted(maps.Keys(u.info.MetaData)) {
		lower, value := strings.ToLower(name), url.PathEscape(u.info.MetaData[name])
		left -= len(name) + len(value)
		if _, taken := o.Metadata[lower]; !taken && value != "" && left > 0 && isName(lower) {
			o.Metadata[lower] = value
		}
	}
	if kind := u.info.MetaData["filetype"]; len(kind) < 256 {
		if _, _, err := mime.ParseMediaType(kind); err == nil {
			o.ContentType = kind
		}
	}
	return o
}

func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
