package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A pacer lets rate bytes a second pass. A *rate.Limiter of golang.org/x/time/rate can do more, and fits as it is.
type pacer struct {
	rate int64 // bytes per second

	mu   sync.Mutex
	free time.Time // when the bytes admitted so far have passed
}

func (p *pacer) WaitN(ctx context.Context, n int) error {
	p.mu.Lock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	wait := time.NewTimer(p.free.Sub(now))
	p.mu.Unlock()
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A Limiter paces the bytes of all uploads of an Uploader together.
func ExampleLimiter() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	up := multipart.NewUploader(srv.Client(), &multipart.Options{Limiter: &pacer{rate: 20 << 20}})
	src := strings.NewReader(strings.Repeat("x", 1<<20))
	began := time.Now()
	if _, err := up.Upload(context.Background(), "bucket", "key", src, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println("took a twentieth of a second:", time.Since(began) >= time.Second/20)
	// Output: took a twentieth of a second: true
}

// An upload waits while OSS throttles or cannot be reached, for Patience at most, and goes on by itself. Progress tells
// of the wait.
func ExampleOptions_patience() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	busy := srv.Inject(osstest.Fault{Effect: osstest.Fail(503, "ServiceUnavailable")})

	told := false
	up := multipart.NewUploader(srv.Client(), &multipart.Options{
		Patience: time.Hour,
		Progress: func(p multipart.Progress) {
			var refused *oss.ServiceError
			if errors.As(p.WaitingFor, &refused) && !told {
				told = true
				fmt.Println("waiting, OSS answers", refused.Code)
				busy.Remove() // OSS recovers
			}
		},
	})
	res, err := up.Upload(context.Background(), "bucket", "key", strings.NewReader("hello"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes")
	// Output:
	// waiting, OSS answers ServiceUnavailable
	// 5 bytes
}

// If the reply to InitiateMultipartUpload is lost, an upload without parts may remain, of which only OSS knows the ID.
// It is reported, because it could belong to another program. ExclusiveKeys rules that out, and it is aborted.
func ExampleOptions_exclusiveKeys() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	for _, exclusive := range []bool{false, true} {
		srv.Inject(osstest.Fault{Op: "InitiateMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 1 << 20, ExclusiveKeys: exclusive})
		key := fmt.Sprintf("exclusive-%t", exclusive)
		res, err := up.Upload(context.Background(), "bucket", key, strings.NewReader(strings.Repeat("x", 2<<20)), nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("ExclusiveKeys %t: %d orphan\n", exclusive, len(res.Orphans))
	}
	// Output:
	// ExclusiveKeys false: 1 orphan
	// ExclusiveKeys true: 0 orphan
}

// A memStore keeps the Plans of unfinished uploads in memory. A Store in a database has the same three methods.
type memStore struct {
	mu    sync.Mutex
	plans map[string]multipart.Plan
}

func (s *memStore) Load(_ context.Context, id string) (multipart.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.plans[id]; ok {
		return p, nil
	}
	return multipart.Plan{}, fs.ErrNotExist
}

func (s *memStore) Save(_ context.Context, id string, p multipart.Plan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[id] = p
	return nil
}

func (s *memStore) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.plans, id)
	return nil
}

// A Store of your own needs three methods. The optional interfaces RecordLocker, RecordDeleter and RecordLister make
// it safe for several processes and let Sweep tidy it up.
func ExampleStore() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	path := exampleFile(3 << 20)
	defer os.Remove(path)
	fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})

	store := &memStore{plans: make(map[string]multipart.Plan)}
	up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 1 << 20, Concurrency: 1, Store: store})
	_, err := up.UploadFile(context.Background(), "backups", "today.tar", path, nil)
	fmt.Println("refused:", errors.Is(err, oss.ErrAccessDenied), "records:", len(store.plans))

	fault.Remove()
	res, err := up.UploadFile(context.Background(), "backups", "today.tar", path, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("reused parts:", res.Reused, "records:", len(store.plans))
	// Output:
	// refused: true records: 1
	// reused parts: 2 records: 0
}

// Upload only what OSS does not hold yet: a file that is uploaded again costs one small request.
func ExampleOptions_skipIdentical() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	up := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
	for range 2 {
		res, err := up.Upload(context.Background(), "backups", "today.txt", strings.NewReader("a text"), nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("skipped:", res.Skipped)
	}
	// Output:
	// skipped: false
	// skipped: true
}
