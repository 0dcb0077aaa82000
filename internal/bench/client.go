package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What every client is told. The sink checks no signature, but they make one.
const (
	region = "cn-hangzhou"
	bucket = "bench"
	keyID  = "bench-access-key-id"
	secret = "bench-access-key-secret"
)

// A client uploads in the way of one SDK, as its users would. The methods are called as often as there are objects,
// put by several goroutines at once.
type client interface {
	file(ctx context.Context, key, path string) error
	stream(ctx context.Context, key string, r io.Reader) error
	put(ctx context.Context, key string, body *io.SectionReader) error
}

// A contender is an SDK.
type contender struct {
	name    string
	make    func(job) (client, error)
	stream  bool  // has an uploader of streams of unknown length
	least   int64 // bytes in the smallest part it makes
	chooses bool  // needs not be told a part size
	fetches bool  // is a downloader
	reads   bool  // only reads streams
	tree    bool  // is a treeClient
	plain   bool  // built without the kernels of this module; see buildWithoutKernels
}

// contenders are all there are, in the order of the table. S3 has parts of 5 MiB or more, and the first
// official SDK insists on 100 KiB.
func contenders() []contender {
	return []contender{
		{name: "floor", make: newFloor, stream: true, chooses: true, fetches: true},
		{name: "ours", make: newOurs, stream: true, chooses: true, fetches: true, tree: true},
		{name: "ours-crc64", make: newOursCRC64, stream: true, chooses: true},
		{name: "ours-purego", make: newOurs, stream: true, chooses: true, fetches: true, plain: true},
		{name: "v2", make: newV2, stream: true, chooses: true, fetches: true, tree: true},
		{name: "v2-prefetch", make: newV2Prefetch, reads: true, chooses: true},
		{name: "v1", make: newV1, least: 100 << 10},
		{name: "minio", make: newMinio, stream: true, least: 5 << 20, chooses: true},
		{name: "aws", make: newAWS, stream: true, least: 5 << 20, chooses: true},
	}
}

// runs reports whether c can run s, and what there is to see then.
func (c contender) runs(s scenario) bool {
	switch {
	case c.reads:
		return s.mode == modeRead
	case s.mode == modeTree:
		return c.tree
	case s.fetches() && !c.fetches, s.mode == modeStream && !c.stream, s.part == 0 && !c.chooses, s.mode != modeSmall &&
		s.part != 0 && s.part < c.least:
		return false
	}
	return !c.plain || !s.slow // a slow line hides what hashing costs
}

// enlist returns the contenders that a list with commas names; empty means all.
func enlist(list string) ([]contender, error) {
	all := contenders()
	if list == "" {
		return all, nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.ContainsFunc(all, func(c contender) bool { return c.name == n }) {
			return nil, fmt.Errorf("there is no client %q", n)
		}
	}
	return slices.DeleteFunc(all, func(c contender) bool { return !slices.Contains(names, c.name) }), nil
}

// A job is what a client process does.
type job struct {
	Client, Mode, Path, URL string
	Target                  string // of a download
	Size, Part              int64
	Workers                 int
	Files, Callers          int64  // of the directory at Path, and files at the same time
	Profile                 string // file for a CPU profile; empty means none
	Group                   string // memory cgroup to run in; empty means none
}

// A reply is what it says of itself.
type reply struct {
	Wall   time.Duration // from before the first request to after the last reply
	Peak   float64       // MiB of resident memory, 0 where the system does not tell
	Disk   float64       // MiB read from disks, 0 where the system does not tell
	Bytes  uint64        // allocated on the heap
	Allocs uint64
}

// work is the client process.
func work(in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	if j.Group != "" {
		if err := joinGroup(j.Group); err != nil {
			return err
		}
	}
	list, err := enlist(j.Client)
	if err != nil {
		return err
	}
	c, err := list[0].make(j)
	if err != nil {
		return err
	}
	if j.Profile != "" {
		f, err := os.Create(j.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	// reads the system's table of types, once in a process, which would be divided by the parts
	mime.TypeByExtension(".bin")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	if err := j.run(context.Background(), c); err != nil {
		return fmt.Errorf("%s: %w", j.Client, err)
	}
	wall := time.Since(began)
	runtime.ReadMemStats(&after)
	return json.NewEncoder(out).Encode(reply{wall, peakMiB(), diskMiB(), after.TotalAlloc - before.TotalAlloc,
		after.Mallocs - before.Mallocs})
}

func (j job) run(ctx context.Context, c client) error {
	if j.Mode == modeTree {
		return c.(treeClient).tree(ctx, j.Path, j.Path+"-back")
	}
	if j.Mode == modeDownload || j.Mode == modeRead {
		return j.fetch(ctx, c.(downloader))
	}
	if j.Mode == modeMany {
		return each(j.Files, int(j.Callers), func(i int64) error { return c.file(ctx, keyOf(i), manyPath(j.Path, i)) })
	}
	if j.Mode == modeFile {
		return c.file(ctx, keyOf(0), j.Path)
	}
	f, err := os.Open(j.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if j.Mode == modeStream {
		return c.stream(ctx, keyOf(0), struct{ io.Reader }{f}) // nothing tells the length, nor reads elsewhere
	}
	return each(j.Size/j.Part, j.Workers, func(i int64) error {
		return c.put(ctx, keyOf(i), io.NewSectionReader(f, i*j.Part, j.Part))
	})
}

// each calls do with 0 to n-1 from a number of goroutines, until one call fails.
func each(n int64, goroutines int, do func(int64) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, goroutines)
	for range goroutines {
		group.Go(func() {
			for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
				if err := do(i); err != nil {
					next.Store(n)
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// peakMiB returns the most resident memory this process has had. The kernel's count for its parent, Rusage, would begin
// before the program was executed, with what the parent had.
func peakMiB() float64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(os.Getpid()), "status"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	fmt.Sscan(rest, &kib)
	return kib / 1024
}
