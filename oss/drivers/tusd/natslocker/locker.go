// Package natslocker is a handler.Locker of tusd for several processes. It keeps its locks in a key-value bucket of
// NATS JetStream.
package natslocker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tus/tusd/v2/pkg/handler"
)

// Options are the options of a Locker. Nil and the zero value mean the defaults.
type Options struct {
	Bucket   string        // name of the key-value bucket; "" means "tusd-locks"
	Replicas int           // servers that hold it; 0 means 1
	Lease    time.Duration // after which the lock of a killed process is free; 0 means 30 s, at least 1 s
}

// A Locker is a handler.Locker. It is safe for concurrent use. Its holders renew their locks three times in a Lease.
// One that cannot, because it has lost its connection for example, is asked to release its lock before the Lease ends,
// as if another request wanted it.
type Locker struct {
	conn  *nats.Conn
	locks jetstream.KeyValue
	lease time.Duration
}

var _ handler.Locker = (*Locker)(nil)

// New creates the bucket unless it exists, and returns a Locker. All processes need the same options.
func New(ctx context.Context, conn *nats.Conn, opts *Options) (*Locker, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Bucket == "" {
		o.Bucket = "tusd-locks"
	}
	if o.Lease == 0 {
		o.Lease = 30 * time.Second
	}
	if o.Lease < time.Second {
		return nil, fmt.Errorf("natslocker: a lease of %v is less than a second", o.Lease)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("natslocker: %w", err)
	}
	locks, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: o.Bucket, TTL: o.Lease, Replicas: o.Replicas, Storage: jetstream.MemoryStorage,
		Description: "locks of uploads of tusd",
	})
	if err != nil {
		return nil, fmt.Errorf("natslocker: %w", err)
	}
	return &Locker{conn: conn, locks: locks, lease: o.Lease}, nil
}

// UseIn sets l as the Locker of a composer.
func (l *Locker) UseIn(composer *handler.StoreComposer) { composer.UseLocker(l) }

// NewLock implements handler.Locker.
func (l *Locker) NewLock(id string) (handler.Lock, error) {
	sum := sha256.Sum256([]byte(id))
	return &lock{Locker: l, key: hex.EncodeToString(sum[:16]), token: rand.Text()}, nil
}

// A lock is a key, which exists while the lock is held.
type lock struct {
	*Locker
	key      string
	token    string // the value, which tells whose lock it is
	revision uint64
	stop     context.CancelFunc
	ended    chan struct{} // closed when the lock is no longer renewed
}

// askAgain is the time after which a waiting request asks the holder again, and tries whether the lease has ended.
const askAgain = time.Second

// Lock implements handler.Lock.
func (l *lock) Lock(ctx context.Context, requestRelease func()) error {
	if err := l.take(ctx); err != nil {
		if ctx.Err() != nil {
			return handler.ErrLockTimeout
		}
		return fmt.Errorf("natslocker: %w", err)
	}
	asked, err := l.conn.Subscribe(l.subject(), func(*nats.Msg) { requestRelease() })
	if err != nil {
		return errors.Join(fmt.Errorf("natslocker: %w", err), l.free())
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop, l.ended = stop, make(chan struct{})
	go func() {
		defer close(l.ended)
		defer asked.Unsubscribe()
		l.renew(renewing, requestRelease)
	}()
	return nil
}

// subject is that of requests to release the lock.
func (l *lock) subject() string { return "tusd.release." + l.locks.Bucket() + "." + l.key }

// take creates the key. While another lock has it, take asks that to release it.
func (l *lock) take(ctx context.Context) (err error) {
	if l.revision, err = l.locks.Create(ctx, l.key, []byte(l.token)); !errors.Is(err, jetstream.ErrKeyExists) {
		return err
	}
	changes, err := l.locks.Watch(ctx, l.key)
	if err != nil {
		return err
	}
	defer changes.Stop()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		if err := l.conn.Publish(l.subject(), nil); err != nil {
			return err
		}
		for held := true; held; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-again.C:
				held = false // or so it may be: the end of a lease is no change
			case change := <-changes.Updates():
				held = change == nil || change.Operation() == jetstream.KeyValuePut
			}
		}
		if l.revision, err = l.locks.Create(ctx, l.key, []byte(l.token)); !errors.Is(err, jetstream.ErrKeyExists) {
			return err
		}
	}
}

// renew keeps the lock until ctx ends. If it cannot, it requests its release.
func (l *lock) renew(ctx context.Context, requestRelease func()) {
	tick := time.NewTicker(l.lease / 3)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		ours, known := l.update(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case ours:
			renewed = began
		case known || time.Since(renewed) > l.lease/2:
			requestRelease()
			return
		}
	}
}

// update writes the lock again. It reports whether the lock is still held, and whether that is known.
func (l *lock) update(ctx context.Context) (ours, known bool) {
	ctx, cancel := context.WithTimeout(ctx, l.lease/6)
	defer cancel()
	revision, err := l.locks.Update(ctx, l.key, []byte(l.token), l.revision)
	if err != nil { // its reply may have been lost, also that of the one before
		var now jetstream.KeyValueEntry
		if now, err = l.locks.Get(ctx, l.key); err == nil && string(now.Value()) == l.token {
			revision, err = l.locks.Update(ctx, l.key, []byte(l.token), now.Revision())
		} else if err == nil || errors.Is(err, jetstream.ErrKeyNotFound) {
			return false, true
		}
	}
	if err == nil {
		l.revision = revision
	}
	return err == nil, err == nil
}

// Unlock implements handler.Lock.
func (l *lock) Unlock() error {
	l.stop()
	<-l.ended
	return l.free()
}

// free deletes the key, unless it is that of another lock by now. If it fails, the lock is free after its lease.
func (l *lock) free() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.lease)
	defer cancel()
	if err := l.locks.Delete(ctx, l.key, jetstream.LastRevision(l.revision)); err != nil {
		return fmt.Errorf("natslocker: %w", err)
	}
	return nil
}
