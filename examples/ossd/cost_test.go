//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// BenchmarkPutOnDisk measures what ossd costs: a process of its own with data on disk, which verifies the Content-MD5
// of new objects of 8 MiB. ossd-s/GiB is its CPU time, md5-s/GiB what crypto/md5 takes for the same bytes, and
// beyond-md5-s/GiB the difference.
//
//	go test -run '^$' -bench PutOnDisk -benchtime 128x ./examples/ossd
func BenchmarkPutOnDisk(b *testing.B) {
	const size = 8 << 20
	temp := b.TempDir()
	program := filepath.Join(temp, "ossd")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, text)
	}
	daemon := exec.Command(program, "-addr", "127.0.0.1:0", "-dir", filepath.Join(temp, "data"), "-bucket", "bucket")
	stdout, err := daemon.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		b.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			daemon.Process.Signal(os.Interrupt)
			daemon.Wait() // its exit code says that it was interrupted
		}
	}
	defer stop()
	// ossd tells its endpoint once it listens.
	endpoint, lines := "", bufio.NewScanner(stdout)
	for endpoint == "" && lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "endpoint" {
			endpoint = fields[1]
		}
	}
	client, err := oss.NewClient(oss.Config{
		Endpoint: endpoint, Region: "cn-hangzhou", Credentials: osstest.TestCredentials(),
	})
	if err != nil {
		b.Fatal(err)
	}
	go io.Copy(io.Discard, stdout) // ends with the process
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		key := fmt.Sprint("object-", n)
		if _, err := client.PutObject(b.Context(), "bucket", key, bytes.NewReader(data), nil); err != nil {
			b.Fatal(err)
		}
		n++
	}
	stop()
	gib := float64(n) * size / (1 << 30)
	used := (daemon.ProcessState.UserTime() + daemon.ProcessState.SystemTime()).Seconds() / gib

	before := cpuTime(b)
	for range n {
		md5.Sum(data)
	}
	sum := (cpuTime(b) - before).Seconds() / gib
	b.ReportMetric(used, "ossd-s/GiB")
	b.ReportMetric(sum, "md5-s/GiB")
	b.ReportMetric(used-sum, "beyond-md5-s/GiB")
}

// cpuTime returns the CPU time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
