package multipart

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// An ObjectStore is a Store that keeps its records in OSS, for machines without disks and for several machines: each
// record is a small object under a prefix of a bucket. OSS replaces an object at once, so a reader sees the old record
// or the new one. Like DirStore it is a RecordLocker, a RecordDeleter and a RecordLister, and safe for concurrent use.
//
// A lock is an object too, which is created with ForbidOverwrite and deleted by unlock. Its holder writes it again
// every 10 seconds. If a lock has not been written for 30 seconds by the clock of OSS, the next Lock regards it as
// abandoned by a killed process and deletes it. So Lock is weaker than a lock of the operating system: two processes
// hold it if the first cannot reach OSS for 30 seconds, or if both delete an abandoned lock at the same moment. Then
// the last to save a record wins, as without locks, and no object gets wrong bytes. In a bucket with versions OSS
// ignores ForbidOverwrite, and Lock has no effect.
//
// An ObjectStore needs permission to get, put, delete and list objects. In a bucket with versions, the versions of a
// record are deleted with it, which also needs permission to list and delete versions.
type ObjectStore struct {
	client    *oss.Client
	bucket    string
	prefix    string
	key       func(id string) string
	header    http.Header // of every request
	versioned atomic.Bool // the bucket has kept versions
}

// NewObjectStore returns a Store that keeps records as objects in bucket, with keys that begin with prefix, for example
// ".uploads/". No other objects may have that prefix.
func NewObjectStore(c *oss.Client, bucket, prefix string) (*ObjectStore, error) {
	if c == nil {
		return nil, errors.New("multipart: client is nil")
	}
	s := &ObjectStore{client: c, bucket: bucket, prefix: prefix}
	s.key = func(id string) string { return prefix + nameOf(id) + recordSuffix }
	if err := oss.CheckObjectName(bucket, s.key("")); err != nil {
		return nil, err
	}
	return s, nil
}

const recordSuffix = ".json"

// nameOf returns a name for a record whose id may contain any characters.
func nameOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// maxRecord bounds a record, which has a tail of up to 12.5 MiB in base64.
const maxRecord = 32 << 20 // bytes

// Load implements Store.
func (s *ObjectStore) Load(ctx context.Context, id string) (Plan, error) {
	r, err := s.read(ctx, s.key(id))
	if err == nil && r.ID != id {
		err = fmt.Errorf("multipart: %s is the record of another id: %w", s.key(id), fs.ErrNotExist)
	}
	if err != nil {
		return Plan{}, err
	}
	return r.Plan, nil
}

// read reads a record. If there is none of this version, the error matches fs.ErrNotExist.
func (s *ObjectStore) read(ctx context.Context, key string) (Record, error) {
	obj, err := s.client.GetObject(ctx, s.bucket, key, &oss.GetOptions{Header: s.header})
	if errors.Is(err, oss.ErrNoSuchBucket) {
		return Record{}, fmt.Errorf("multipart: %v", err) // a missing bucket is not just a missing record
	}
	if err != nil {
		return Record{}, fmt.Errorf("multipart: %w", err)
	}
	defer obj.Body.Close()
	s.learn(obj.VersionID)
	text, err := io.ReadAll(io.LimitReader(obj.Body, maxRecord))
	if err != nil {
		return Record{}, fmt.Errorf("multipart: %w", err)
	}
	r, err := decodeRecord(text)
	if err != nil {
		return Record{}, fmt.Errorf("multipart: oss://%s/%s is not a record in the format of this version: %w",
			s.bucket, oneLine(key), err)
	}
	return r, nil
}

// learn notes whether the bucket has versions, as a reply tells.
func (s *ObjectStore) learn(version string) {
	if version != "" {
		s.versioned.Store(true)
	}
}

// Save implements Store.
func (s *ObjectStore) Save(ctx context.Context, id string, p Plan) error {
	text, err := json.Marshal(recordFile{Version: recordVersion, ID: id, Plan: p})
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	key := s.key(id)
	opts := &oss.ObjectOptions{ContentType: "application/json", Header: s.header}
	res, err := s.client.PutObject(ctx, s.bucket, key, bytes.NewReader(text), opts)
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	s.learn(res.VersionID)
	return s.deleteVersions(ctx, key, res.VersionID)
}

// Delete implements Store.
func (s *ObjectStore) Delete(ctx context.Context, id string) error { return s.remove(ctx, s.key(id)) }

func (s *ObjectStore) remove(ctx context.Context, key string) error {
	if s.versioned.Load() {
		return s.deleteVersions(ctx, key, "")
	}
	if err := s.client.DeleteObject(ctx, s.bucket, key, &oss.DeleteOptions{Header: s.header}); err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	return nil
}

// deleteVersions deletes all versions of an object, except that of the given ID, if the bucket has versions.
func (s *ObjectStore) deleteVersions(ctx context.Context, key, except string) error {
	if !s.versioned.Load() {
		return nil
	}
	opts := &oss.ListVersionsOptions{Prefix: key, Header: s.header}
	for v, err := range s.client.ObjectVersions(ctx, s.bucket, opts) {
		if err == nil && v.Key == key && v.VersionID != except {
			del := &oss.DeleteOptions{VersionID: v.VersionID, Header: s.header}
			err = s.client.DeleteObject(ctx, s.bucket, key, del)
		}
		if err != nil {
			return fmt.Errorf("multipart: %w", err)
		}
	}
	return nil
}

// DeleteIf implements RecordDeleter.
func (s *ObjectStore) DeleteIf(ctx context.Context, id string, upload oss.Upload) error {
	unlock, err := s.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	saved, err := s.Load(ctx, id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && saved.Upload != upload {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Delete(ctx, id)
}

// List implements RecordLister.
func (s *ObjectStore) List(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		opts := &oss.ListObjectsOptions{Prefix: s.prefix, Header: s.header}
		for entry, err := range s.client.Objects(ctx, s.bucket, opts) {
			if err != nil {
				yield(Record{}, fmt.Errorf("multipart: %w", err))
				return
			}
			if !strings.HasSuffix(entry.Key, recordSuffix) {
				continue
			}
			r, err := s.read(ctx, entry.Key)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted since it was listed, or not a record
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Times of a lock.
const (
	lockWait  = time.Second      // between two tries
	lockRenew = 10 * time.Second // between two writes of its holder
	lockStale = 30 * time.Second // without a write, after which it is abandoned
)

// Lock implements RecordLocker.
func (s *ObjectStore) Lock(ctx context.Context, id string) (unlock func(), err error) {
	key, token := strings.TrimSuffix(s.key(id), recordSuffix)+".lock", rand.Text()
	for {
		locked, err := s.takeLock(ctx, key, token)
		if locked {
			break
		}
		if err == nil {
			err = pause(ctx, lockWait)
		}
		if err != nil {
			return nil, fmt.Errorf("multipart: %w", err)
		}
	}
	if s.versioned.Load() {
		return func() {}, nil
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var ended sync.WaitGroup
	ours := true
	ended.Go(func() {
		for ours && pause(renewing, lockRenew) == nil {
			ours = s.renewLock(renewing, key, token)
		}
	})
	return sync.OnceFunc(func() {
		stop()
		ended.Wait()
		if !ours {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockRenew)
		defer cancel()
		s.remove(ctx, key) // after a failure the lock is abandoned after lockStale
	}), nil
}

// takeLock tries to create the object of a lock. It deletes an abandoned one.
func (s *ObjectStore) takeLock(ctx context.Context, key, token string) (locked bool, err error) {
	opts := &oss.ObjectOptions{ForbidOverwrite: true, Header: s.header}
	res, err := s.client.PutObject(ctx, s.bucket, key, strings.NewReader(token), opts)
	if err == nil && res.VersionID != "" {
		s.learn(res.VersionID)
		del := &oss.DeleteOptions{VersionID: res.VersionID, Header: s.header}
		return true, s.client.DeleteObject(ctx, s.bucket, key, del)
	}
	if err == nil || !errors.Is(err, oss.ErrAlreadyExists) {
		return err == nil, err
	}
	holder, age, err := s.readLock(ctx, key)
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
		return false, nil
	case err != nil || holder == token: // the reply to an earlier attempt was lost
		return err == nil, err
	case age > lockStale:
		return false, s.remove(ctx, key)
	}
	return false, nil
}

// readLock returns who holds a lock, and the time since it was written.
func (s *ObjectStore) readLock(ctx context.Context, key string) (token string, age time.Duration, err error) {
	ctx, count := reqstats.NewContext(ctx)
	obj, err := s.client.GetObject(ctx, s.bucket, key, &oss.GetOptions{Header: s.header})
	if err != nil {
		return "", 0, err
	}
	defer obj.Body.Close()
	text, err := io.ReadAll(io.LimitReader(obj.Body, 1<<10))
	return string(text), count.Now().Sub(obj.LastModified), err
}

// renewLock writes a lock again. It returns false if another process holds it.
func (s *ObjectStore) renewLock(ctx context.Context, key, token string) (ours bool) {
	holder, _, err := s.readLock(ctx, key)
	if errors.Is(err, oss.ErrNoSuchKey) || err == nil && holder != token {
		return false
	}
	if err == nil { // otherwise the next renewal may succeed
		s.client.PutObject(ctx, s.bucket, key, strings.NewReader(token), &oss.ObjectOptions{Header: s.header})
	}
	return true
}
