package main

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
)

const mib = 1 << 20

// generate writes a file of that size, and returns its path and CRC-64.
func generate(t *testing.T, size int64, seed uint64) (path string, crc uint64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "source.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	sum := hash.Hash(crc64.New(crc64.MakeTable(crc64.ECMA)))
	w := bufio.NewWriterSize(f, mib)
	if _, err := io.CopyN(io.MultiWriter(w, sum), rand.NewChaCha8(key), size); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path, sum.(hash.Hash64).Sum64()
}

// TestAnUploadSurvivesTheDeathOfItsProcesses uploads one object by four workers, each a process in a network namespace
// of its own, and kills two of them and the coordinator by SIGKILL: at a random part, or while the coordinator begins
// or completes the upload. A worker takes the coordinator's place.
func TestAnUploadSurvivesTheDeathOfItsProcesses(t *testing.T) {
	size := int64(sized(24, 192, 2048)) * mib
	partSize := int64(sized(1, 2, 8)) * mib
	rounds := sized(1, 3, 20)
	path, crc := generate(t, size, 1)
	var again, most int
	var extra int64
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			seed := uint64(round + 1)
			twice, arrived := killRound(t, rand.New(rand.NewPCG(seed, 0)), path, size, partSize, crc)
			again, most, extra = again+twice, max(most, twice), extra+arrived-size
		})
	}
	t.Logf("%d rounds of %d MiB: %d parts stored twice, at most %d in a round; %.1f%% more bytes sent than needed",
		rounds, size/mib, again, most, 100*float64(extra)/float64(size)/float64(rounds))
}

func killRound(t *testing.T, rnd *rand.Rand, path string, size, partSize int64, crc uint64) (twice int, arrived int64) {
	const processes, inFlight = 4, 2
	l := newLab(t, processes, 0)
	n := l.node(t)

	// When which process dies. The first request that is at least as late strikes.
	type death struct {
		op       string
		n        int
		answered bool
		victim   int // -1 is the coordinator
	}
	parts := int(size / partSize)
	at := func(victim int) death { return death{"Part", 1 + rnd.IntN(parts), rnd.IntN(2) == 0, victim} }
	deaths := []death{at(-1)}
	switch rnd.IntN(4) {
	case 0:
		deaths[0] = death{"Initiate", 1, rnd.IntN(2) == 0, -1}
	case 1:
		deaths[0] = death{"Complete", 1, rnd.IntN(2) == 0, -1}
	}
	for _, victim := range rnd.Perm(processes)[:2] {
		deaths = append(deaths, at(victim))
	}
	var mu sync.Mutex
	var killed []string
	started := make(chan struct{})
	all := make(map[int]*process)
	begun := make(chan struct{})
	l.watchWith(func(op string, number int, answered bool) {
		if op == "Initiate" && number == 1 && !answered {
			close(begun)
		}
		<-started
		mu.Lock()
		defer mu.Unlock()
		deaths = slices.DeleteFunc(deaths, func(d death) bool {
			strikes := d.op == op && number >= d.n && answered == d.answered
			if strikes {
				all[d.victim].kill()
				killed = append(killed, fmt.Sprintf("%s at %s %d, answered %t",
					all[d.victim].name, op, number, answered))
			}
			return strikes
		})
	})

	began := time.Now()
	flags := []string{"-lease", testLease.String(), "-part-size", fmt.Sprint(partSize)}
	all[-1] = l.start(t, "coordinator", -1, append(slices.Clone(flags), "-workers", "0", path)...)
	<-begun
	for i := range processes {
		all[i] = l.start(t, fmt.Sprintf("worker%d", i), i,
			append(slices.Clone(flags), "-workers", fmt.Sprint(inFlight))...)
	}
	close(started)
	jobs := ended(t, n)
	took := time.Since(began)
	for _, p := range all {
		p.stop()
	}
	l.http.Close() // waits for the requests of the killed processes

	object, ok := l.srv.Stat(bucketName, filepath.Base(path))
	if len(jobs) != 1 || jobs[0].Error != "" || !ok || object.Size != size || object.CRC64 != crc {
		t.Errorf("jobs %+v; object %t has %d bytes with CRC-64 %d, want %d with %d",
			jobs, ok, object.Size, object.CRC64, size, crc)
	}
	if left := l.srv.Uploads(); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
	if len(deaths) > 0 {
		t.Errorf("not killed: %v", deaths)
	}
	twice = l.twice()
	if twice > processes*inFlight {
		t.Errorf("%d parts are stored twice, more than the %d shares in flight", twice, processes*inFlight)
	}
	t.Logf("%.1f s; killed %s; %d of %d parts stored twice, %.1f%% more bytes than needed", took.Seconds(),
		strings.Join(killed, ", "), twice, parts, 100*float64(l.arrived-size)/float64(size))
	if t.Failed() {
		for _, p := range all {
			t.Logf("%s:\n%s", p.name, &p.out)
		}
	}
	return twice, l.arrived
}

// full runs the sizes that README.md tells of: minutes, and more than 80 GiB through the loopback interface.
var full = flag.Bool("full", false, "20 rounds of 2 GiB, and links of 50 MiB/s")

// sized returns one of three sizes.
func sized(short, usual, whole int) int {
	if *full {
		return whole
	}
	return effort.Of(short, usual, usual)
}

// linkRate is for a machine that cannot compute what four links of 50 MiB/s need.
var linkRate = flag.Int("rate", 0, "MiB/s of each link; 0 means 50 with -full, and less otherwise")

// TestThroughputGrowsWithWorkers prints the throughput of one, two and four workers, each a process behind a link of
// limited bandwidth.
func TestThroughputGrowsWithWorkers(t *testing.T) {
	rate := int64(cmp.Or(*linkRate, sized(4, 10, 50))) * mib // bytes per second
	size := int64(sized(16, 64, 1024)) * mib
	partSize := int64(sized(1, 1, 4)) * mib
	path, crc := generate(t, size, 2)
	var one float64
	table := fmt.Sprintf("%d MiB over links of %d MiB/s each:\n", size/mib, rate/mib) +
		"workers  seconds    MiB/s  speed-up\n"
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			l := newLab(t, workers, rate)
			if len(l.spaces) == 0 {
				t.Skip("the links are network namespaces, which this machine does not allow")
			}
			n := l.node(t)
			began, idle := time.Now(), idleTime()
			flags := []string{"-lease", testLease.String(), "-part-size", fmt.Sprint(partSize), "-parts", "2"}
			var all []*process
			for i := range workers {
				all = append(all, l.start(t, fmt.Sprintf("worker%d", i), i,
					append(slices.Clone(flags), "-workers", "2")...))
			}
			c := l.start(t, "coordinator", -1, append(slices.Clone(flags), "-workers", "0", path)...)
			<-c.over
			jobs := ended(t, n)
			for _, p := range all {
				p.stop()
			}
			object, _ := l.srv.Stat(bucketName, filepath.Base(path))
			if len(jobs) != 1 || object.CRC64 != crc || len(l.srv.Uploads()) > 0 {
				t.Fatalf("jobs %+v, CRC-64 %d, want %d; uploads %v\n%s",
					jobs, object.CRC64, crc, l.srv.Uploads(), &c.out)
			}
			took := l.last.Sub(l.initial).Seconds()
			if workers == 1 {
				one = took
			}
			table += fmt.Sprintf("%7d %8.2f %8.1f %9.2f\n", workers, took, float64(size)/mib/took, one/took)
			busy := 1 - idle()/(time.Since(began).Seconds()*float64(runtime.NumCPU()))
			if workers == 4 && *full && one/took < 3.6 {
				t.Logf("four workers are %.2f times as fast as one, want 3.6; processors were busy for %.0f%% of "+
					"the time", one/took, 100*busy)
				if busy < 0.9 { // otherwise the links are not what limits them
					t.Fail()
				}
			}
		})
	}
	t.Log(table)
}

// idleTime returns a function for the seconds that the processors of this machine have been idle since.
func idleTime() (since func() float64) {
	read := func() (ticks float64) {
		text, _ := os.ReadFile("/proc/stat")
		var user, nice, system float64
		fmt.Sscanf(string(text), "cpu %f %f %f %f", &user, &nice, &system, &ticks)
		return ticks / 100
	}
	began := read()
	return func() float64 { return read() - began }
}
