package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func main() {
	if dir := os.Getenv(serveVariable); dir != "" {
		exit(serve(dir, os.Stdin, os.Stdout))
	}
	flags := flag.NewFlagSet("footprint", flag.ExitOnError)
	size := int64(1 << 30)
	flags.Func("size", "`bytes` to upload, such as 1GiB, 24MiB or 1000000 "+
		"(default 1GiB)", func(text string) (err error) {
		size, err = parseBytes(text)
		return err
	})
	keep := flags.Bool("keep", false, "leave the temporary directory behind")
	flags.Parse(os.Args[1:])

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	exit(run(ctx, size, *keep, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parseBytes reads a number of bytes with an optional unit.
func parseBytes(text string) (int64, error) {
	digits, shift := text, 0
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			digits, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > 1<<62>>shift {
		return 0, errors.New("want a number of bytes such as 1GiB or 24MiB")
	}
	return n << shift, nil
}

// The limits of uploads apply to these settings. Downloads have the defaults of package multipart.
const (
	bucketName  = "footprint"
	objectKey   = "object"
	partSize    = 8 << 20 // bytes
	concurrency = 4       // parts
)

// A measure is one way to upload or to download, and its cost.
type measure struct {
	name     string
	download bool
	piped    bool
	limit    float64 // MiB of resident memory

	wall, cpu time.Duration
	peak      float64 // MiB; 0 if the system does not report it
	sha256    string  // of the object, or of what was downloaded
}

func run(ctx context.Context, size int64, keep bool, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "go-oss-footprint-")
	if err != nil {
		return err
	}
	if keep {
		fmt.Fprintln(out, "keeping", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator),
		"github.com/ossmultipart/go-oss/examples/upload", "github.com/ossmultipart/go-oss/examples/download")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the examples: %w: %s", err, text)
	}
	source := filepath.Join(dir, "source")
	want, err := generate(ctx, source, size)
	if err != nil {
		return err
	}
	server, err := startServer(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()

	measures := []*measure{
		{name: "file", limit: 80},
		{name: "pipe", limit: 120, piped: true},
		{name: "download file", limit: 40, download: true},
		{name: "download pipe", limit: 40, download: true, piped: true},
	}
	for _, m := range measures {
		do := m.upload
		if m.download {
			os.Remove(source) // to free its space
			do = m.fetch
		}
		if err := do(ctx, dir, source, server.url); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return report(out, size, want, measures)
}

// generate writes size pseudo-random bytes to path, the same in every run, and returns their SHA-256.
func generate(ctx context.Context, path string, size int64) (string, error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	random := rand.NewChaCha8([32]byte([]byte("go-oss/footprint: any 32 bytes..")))
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), cancellable{ctx, random}, size); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Close()
}

// A cancellable is a reader that fails once its context is done.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

// upload uploads source, and computes the SHA-256 of the object.
func (m *measure) upload(ctx context.Context, dir, source, endpoint string) error {
	client, err := oss.NewClient(oss.Config{Endpoint: endpoint, Region: region, Credentials: osstest.TestCredentials()})
	if err != nil {
		return err
	}
	if err := client.DeleteObject(ctx, bucketName, objectKey, nil); err != nil { // to free its space
		return err
	}
	file := source
	if m.piped {
		file = "-"
	}
	cmd := command(ctx, endpoint, dir, "upload", "-key", objectKey, "-part-size", strconv.Itoa(partSize),
		"-concurrency", strconv.Itoa(concurrency), "-checksum", "md5", file)
	if m.piped {
		f, err := os.Open(source)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.Stdin = struct{ io.Reader }{f} // not an *os.File, which the program would inherit
	}
	if err := m.run(cmd); err != nil {
		return err
	}
	return m.readBack(ctx, client)
}

// fetch downloads the object, and computes the SHA-256 of what it gets.
func (m *measure) fetch(ctx context.Context, dir, target, endpoint string) error {
	h := sha256.New()
	if m.piped {
		cmd := command(ctx, endpoint, dir, "download", objectKey, "-")
		cmd.Stdout = h
		if err := m.run(cmd); err != nil {
			return err
		}
	} else {
		if err := m.run(command(ctx, endpoint, dir, "download", objectKey, target)); err != nil {
			return err
		}
		f, err := os.Open(target)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
	}
	m.sha256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// command returns the command that runs an example.
func command(ctx context.Context, endpoint, dir, example string, args ...string) *exec.Cmd {
	program := filepath.Join(dir, example)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = environment(endpoint)
	return cmd
}

// run runs cmd and measures it.
func (m *measure) run(cmd *exec.Cmd) error {
	var text bytes.Buffer
	cmd.Stderr = &text
	if cmd.Stdout == nil {
		cmd.Stdout = &text
	}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, &text)
	}
	m.wall = time.Since(began)
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.peak = peakMiB(cmd.ProcessState)
	return nil
}

// environment returns the environment of the process that is measured: the test server, and the default settings of the
// garbage collector.
func environment(endpoint string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OSS_") && !strings.HasPrefix(v, "GOGC=") && !strings.HasPrefix(v, "GOMEMLIMIT=") &&
			!strings.HasPrefix(v, "GODEBUG=") && !strings.HasPrefix(strings.ToUpper(v), "HTTP_PROXY=") {
			env = append(env, v)
		}
	}
	return append(env, "OSS_ENDPOINT="+endpoint, "OSS_REGION="+region, "OSS_BUCKET="+bucketName,
		"OSS_ACCESS_KEY_ID="+osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET="+osstest.AccessKeySecret)
}

// readBack computes the SHA-256 of the object.
func (m *measure) readBack(ctx context.Context, client *oss.Client) error {
	obj, err := client.GetObject(ctx, bucketName, objectKey, nil)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, obj.Body); err != nil {
		return err
	}
	m.sha256 = hex.EncodeToString(h.Sum(nil))
	for up, err := range client.Uploads(ctx, bucketName, nil) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is left unfinished", up.Upload)
	}
	return nil
}

// report prints the table. It returns an error if a case failed.
func report(out io.Writer, size int64, want string, measures []*measure) error {
	var failed []string
	gib := float64(size) / (1 << 30)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "case\tbytes\tseconds\tCPU s/GiB\tpeak RSS MiB\tlimit MiB\tverdict\t")
	for _, m := range measures {
		verdict := "ok"
		switch {
		case m.sha256 != want:
			verdict = "BYTES DIFFER"
		case m.peak > m.limit:
			verdict = "TOO MUCH MEMORY"
		case m.peak == 0:
			verdict = "bytes ok, memory not measured"
		}
		if strings.ToUpper(verdict) == verdict {
			failed = append(failed, m.name)
		}
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.1f\t%.0f\t%s\t\n",
			m.name, size, m.wall.Seconds(), m.cpu.Seconds()/gib, m.peak, m.limit, verdict)
	}
	w.Flush()
	fmt.Fprintf(out, "source SHA-256 %s; uploads in parts of %d MiB, %d at once\n", want, partSize>>20, concurrency)
	if own := ownPeakMiB(); own > 0 {
		fmt.Fprintf(out, "peaks below that of the measuring process, %.1f MiB, cannot be measured\n", own)
	}
	if failed != nil {
		return fmt.Errorf("limit exceeded or bytes differ: %s", strings.Join(failed, ", "))
	}
	return nil
}

// A server is the process that runs serve.
type server struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// startServer starts this program as a server that keeps its bodies below dir.
func startServer(dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self) // not CommandContext: it must outlive an upload that aborts
	cmd.Env = append(os.Environ(), serveVariable+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server did not start: %w", errors.Join(err, s.stop()))
	}
	s.url = strings.TrimSpace(line)
	return s, nil
}

// stop ends the server, which removes its files, and waits for it.
func (s *server) stop() error {
	s.stdin.Close()
	return s.cmd.Wait()
}
