// Command upload uploads files to OSS and verifies the objects.
//
//	go run ./examples/upload FILE...
//
// FILE may be "-" for standard input, or a pipe; its length need not be known. The keys and the bucket come from
// OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION, OSS_ENDPOINT and OSS_BUCKET. If none of them
// is set, the files go to a server inside the process and are read back and compared, so that the command works without
// an account.
//
// The exit status is 0 if every file was uploaded and verified, 1 if one was not, 2 for a mistake in the command line
// or the environment, and 130 after an interrupt, which leaves nothing in OSS.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal cancels, the second kills
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// Exit statuses.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// run is main without the process: results go to stdout, progress and errors to stderr.
func run(
	ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string,
) int {
	var s settings
	err := s.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		s.usage(stdout)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "upload: %v (-help shows the flags)\n", err)
		return exitUsage
	}
	b, err := bucket.Open(getenv, s.place, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "upload:", err)
		return exitUsage
	}
	defer b.Close()

	progress := newMeter(stderr)
	s.options.Progress = progress.update
	uploader := multipart.NewUploader(b.Client, &s.options)
	j := job{bucket: b, uploader: uploader, stdin: stdin, out: stdout, progress: progress}
	status := exitOK
	for i, file := range s.files {
		err := j.upload(ctx, file, s.keys[i])
		switch {
		case err != nil && ctx.Err() != nil:
			fmt.Fprintf(stderr, "upload: %s: interrupted; %s\n", printable(file), left(err))
			return exitInterrupted
		case err != nil:
			fmt.Fprintf(stderr, "upload: %s: %v\n", printable(file), err)
			status = exitFailure // go on with the other files
		}
	}
	return status
}

// settings are the values of the command line.
type settings struct {
	place   bucket.Flags
	options multipart.Options
	files   []string
	keys    []string // of the files, one each

	flags *flag.FlagSet
}

func (s *settings) parse(args []string) error {
	s.flags = flag.NewFlagSet("upload", flag.ContinueOnError)
	s.flags.SetOutput(io.Discard) // run prints errors, in one line
	s.flags.StringVar(&s.place.Bucket, "bucket", "", "`name` of the bucket; default OSS_BUCKET")
	s.flags.StringVar(&s.place.Endpoint, "endpoint", "",
		"`host` or URL of the service; default OSS_ENDPOINT, else that of the region")
	s.flags.StringVar(&s.place.Region, "region", "", "`region` such as cn-hangzhou; default OSS_REGION")
	s.flags.StringVar(&s.place.Signature, "signature", "", "`version` v1 or v4; default v4 with a region, else v1")
	key := s.flags.String("key", "",
		"`key` of the object, or for several files the prefix of their keys; default the base name")
	const partSize = "`bytes` in a part, such as 8MiB, 512KiB or 16777216; default 8MiB, or more for very large files"
	s.flags.Func("part-size", partSize, func(text string) (err error) {
		s.options.PartSize, err = parseBytes(text)
		if err == nil && (s.options.PartSize < oss.MinPartSize || s.options.PartSize > oss.MaxPartSize) {
			err = fmt.Errorf("want %s to %s", formatBytes(oss.MinPartSize), formatBytes(oss.MaxPartSize))
		}
		return err
	})
	s.flags.IntVar(&s.options.Concurrency, "concurrency", 0,
		"`parts` in flight; 0 adapts the number to the throughput")
	s.flags.Func("checksum", "`kind` of proof for each part: md5, crc64 or none; default md5", func(text string) error {
		kind, ok := map[string]oss.Checksum{
			"md5": oss.ChecksumMD5, "crc64": oss.ChecksumCRC64, "none": oss.ChecksumNone,
		}[text]
		if !ok {
			return errors.New("want md5, crc64 or none")
		}
		s.options.Checksum = kind
		return nil
	})
	if err := s.flags.Parse(args); err != nil {
		return err
	}
	if s.options.Concurrency < 0 {
		return fmt.Errorf("-concurrency %d is negative", s.options.Concurrency)
	}
	s.files = s.flags.Args()
	if len(s.files) == 0 {
		return errors.New("no file given")
	}
	return s.setKeys(*key)
}

// setKeys assigns a key to every file.
func (s *settings) setKeys(key string) error {
	taken := make(map[string]string)
	for _, file := range s.files {
		name := filepath.Base(file)
		if file == "-" {
			name = "stdin"
		}
		switch {
		case len(s.files) > 1:
			name = path.Join(key, name)
		case key != "":
			name = key
		}
		if other, ok := taken[name]; ok {
			return fmt.Errorf("%s and %s would both have the key %q", other, file, name)
		}
		taken[name] = file
		s.keys = append(s.keys, name)
	}
	return nil
}

func (s *settings) usage(w io.Writer) {
	fmt.Fprintln(w, "usage: upload [flags] FILE...\n\n"+
		"FILE may be - for standard input. Without any OSS_* variable a server inside the process is used.")
	s.flags.SetOutput(w)
	s.flags.PrintDefaults()
}

// parseBytes reads a number of bytes with an optional unit.
func parseBytes(text string) (int64, error) {
	digits, unit := text, int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			digits, unit = rest, u.bytes
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, errors.New("want a number of bytes such as 8MiB, 512KiB or 16777216")
	}
	return n * unit, nil
}

// A job uploads files one after the other, each in parallel parts.
type job struct {
	bucket   *bucket.Bucket
	uploader *multipart.Uploader
	stdin    io.Reader
	out      io.Writer
	progress *meter
}

// upload uploads one file, verifies the object, and prints both results.
func (j *job) upload(ctx context.Context, file, key string) error {
	src, err := open(file, j.stdin)
	if err != nil {
		return err
	}
	defer src.close()
	began := time.Now()
	j.progress.begin(src.name)
	var res *multipart.Result
	if src.stream == nil {
		res, err = j.uploader.UploadFile(ctx, j.bucket.Name, key, file, nil)
	} else {
		if j.bucket.Local {
			src.sum() // to compare with the object
		}
		res, err = j.uploader.Upload(ctx, j.bucket.Name, key, src.stream, nil)
	}
	j.progress.end()
	if err != nil {
		return err
	}
	took := time.Since(began)
	proof, err := prove(ctx, j.bucket, key, src, res)
	if err != nil {
		return &unprovedError{err}
	}
	j.print(key, res, took, proof)
	return nil
}

// print shows what was uploaded.
func (j *job) print(key string, res *multipart.Result, took time.Duration, proof string) {
	parts := strconv.Itoa(res.Parts)
	if res.UploadID == "" {
		parts = "none, one PutObject was enough"
	}
	fmt.Fprintf(j.out, "oss://%s/%s\n", j.bucket.Name, printable(key))
	for _, line := range []struct{ name, value string }{
		{"size", fmt.Sprintf("%d bytes (%s)", res.Size, formatBytes(res.Size))},
		{"parts", parts},
		{"ETag", res.ETag},
		{"CRC-64", strconv.FormatUint(res.CRC64, 10)},
		{"upload ID", cmp.Or(res.UploadID, "none")},
		{"time", fmt.Sprintf("%.3f s, %.1f MiB/s", took.Seconds(), float64(res.Size)/took.Seconds()/(1<<20))},
		{"proof", proof},
	} {
		fmt.Fprintf(j.out, "  %-9s  %s\n", line.name, line.value)
	}
}

// An unprovedError reports an object that exists but could not be compared with its source.
type unprovedError struct{ err error }

func (e *unprovedError) Error() string { return "uploaded, but not proved: " + e.err.Error() }
func (e *unprovedError) Unwrap() error { return e.err }

// left describes what the interrupted upload that failed with err has left in OSS.
func left(err error) string {
	var failed *multipart.UploadError
	var unproved *unprovedError
	switch {
	case errors.As(err, &unproved):
		return "the object is in OSS, but it has not been proved"
	case errors.Is(err, multipart.ErrOutcomeUnknown):
		return "whether the object exists is not known: " + err.Error()
	case !errors.As(err, &failed), failed.Plan.Upload.ID == "":
		return "nothing was begun in OSS"
	case failed.Aborted:
		return fmt.Sprintf("%s of parts were stored and have been removed: nothing is left in OSS",
			formatBytes(failed.Stored))
	}
	return fmt.Sprintf("parts may be left in OSS under upload ID %s: %v", failed.Plan.Upload.ID, failed.AbortErr)
}
