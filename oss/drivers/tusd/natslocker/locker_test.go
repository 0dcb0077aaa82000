package natslocker_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/ossmultipart/go-oss/oss/drivers/tusd/natslocker"
)

// lease is that of tests that wait for its end.
const lease = 3 * time.Second

// startNATS starts a server in this process.
func startNATS(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// newLocker returns the Locker of another process.
func newLocker(t *testing.T, s *server.Server, lease time.Duration) (*natslocker.Locker, *nats.Conn) {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	l, err := natslocker.New(t.Context(), conn, &natslocker.Options{Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	return l, conn
}

// take locks id, and returns the lock, and a channel that is closed when its release is requested.
func take(t *testing.T, l *natslocker.Locker, id string) (handler.Lock, chan struct{}) {
	t.Helper()
	lock, err := l.NewLock(id)
	if err != nil {
		t.Fatal(err)
	}
	requested := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := lock.Lock(ctx, sync.OnceFunc(func() { close(requested) })); err != nil {
		t.Fatal(err)
	}
	return lock, requested
}

func TestOneProcessAtATimeHoldsALock(t *testing.T) {
	s := startNATS(t)
	var holders atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		l, _ := newLocker(t, s, 0)
		all.Go(func() {
			for range 5 {
				lock, requested := take(t, l, "a/b c")
				if holders.Add(1) != 1 {
					t.Error("two processes hold the lock")
				}
				select {
				case <-requested:
				default: // no other process waits yet
				}
				holders.Add(-1)
				if err := lock.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// The holder hears that another request waits, and other uploads are not locked.
func TestTheHolderIsAskedToReleaseTheLock(t *testing.T) {
	s := startNATS(t)
	one, _ := newLocker(t, s, 0)
	two, _ := newLocker(t, s, 0)
	first, requested := take(t, one, "x")
	other, _ := take(t, two, "y")
	released := make(chan error)
	go func() {
		<-requested
		released <- first.Unlock()
	}()
	second, _ := take(t, two, "x")
	if err := <-released; err != nil {
		t.Error(err)
	}
	for _, lock := range []handler.Lock{second, other} {
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	}
}

func TestALockThatIsHeldTimesOut(t *testing.T) {
	s := startNATS(t)
	l, _ := newLocker(t, s, 0)
	held, _ := take(t, l, "x")
	defer held.Unlock()
	second, _ := l.NewLock("x")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := second.Lock(ctx, func() {}); !errors.Is(err, handler.ErrLockTimeout) {
		t.Errorf("Lock: %v", err)
	}
}

// A killed process frees its lock after the lease. One that only lost its connection is asked to stop before, and does
// not delete the lock of its successor.
func TestALockEndsWithItsLease(t *testing.T) {
	t.Parallel()
	s := startNATS(t)
	lost, conn := newLocker(t, s, lease)
	next, _ := newLocker(t, s, lease)
	first, requested := take(t, lost, "x")
	conn.Close()
	second, _ := take(t, next, "x")
	select {
	case <-requested:
	default:
		t.Error("the process that lost its lock was not asked to stop before the next one got it")
	}
	if err := first.Unlock(); err == nil {
		t.Error("Unlock of a lost lock succeeds")
	}
	if err := second.Unlock(); err != nil {
		t.Errorf("the next holder: %v", err)
	}
}

// A lock is held for longer than its lease.
func TestALockIsRenewed(t *testing.T) {
	t.Parallel()
	s := startNATS(t)
	l, conn := newLocker(t, s, lease)
	held, requested := take(t, l, "x")
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	locks, err := js.KeyValue(t.Context(), "tusd-locks")
	if err != nil {
		t.Fatal(err)
	}
	writes, err := locks.WatchAll(t.Context(), jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer writes.Stop()
	for range 4 { // three in a lease
		select {
		case <-writes.Updates():
		case <-requested:
			t.Fatal("the lock is lost")
		}
	}
	second, _ := l.NewLock("x")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := second.Lock(ctx, func() {}); !errors.Is(err, handler.ErrLockTimeout) {
		t.Errorf("Lock: %v", err)
	}
	if err := held.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := startNATS(t)
	_, conn := newLocker(t, s, 0)
	for _, o := range []natslocker.Options{{Lease: time.Millisecond}, {Lease: -1}, {Bucket: "a b"}, {Replicas: 9}} {
		if _, err := natslocker.New(t.Context(), conn, &o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// The example has a server in its process. A program connects to one.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	locker, err := natslocker.New(context.Background(), conn, nil)
	if err != nil {
		log.Fatal(err)
	}
	composer := handler.NewStoreComposer()
	locker.UseIn(composer)
	fmt.Println("tusd uses a locker:", composer.UsesLocker)
	// Output: tusd uses a locker: true
}
