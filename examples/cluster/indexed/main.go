// Command indexed uploads one object by the pods of a Kubernetes Indexed Job, without a broker: each pod sends its
// share of the parts. job.yaml is the Job.
//
//	PLAN=$(indexed begin FILE KEY)    prints the Plan, which the pods get as PLAN
//	indexed share FILE                sends share JOB_COMPLETION_INDEX of SHARES; a pod that is started again goes on
//	indexed finish                    completes the upload, once the Job is complete
//	indexed abort                     gives it up
//
// The bucket is that of the environment: OSS_REGION, OSS_ENDPOINT, OSS_BUCKET and the keys.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "indexed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, args []string, out io.Writer) error {
	b, err := bucket.Open(getenv, bucket.Flags{}, io.Discard)
	if err != nil {
		return err
	}
	defer b.Close()
	if b.Local {
		return errors.New("OSS_BUCKET and the other OSS_* variables are not set")
	}
	up := multipart.NewUploader(b.Client, nil)
	if len(args) == 3 && args[0] == "begin" {
		return begin(ctx, up, b.Name, args[2], args[1], out)
	}
	var plan multipart.Plan
	if err := json.Unmarshal([]byte(getenv("PLAN")), &plan); err != nil {
		return fmt.Errorf("PLAN: %w", err)
	}
	switch {
	case len(args) == 2 && args[0] == "share":
		index, err := strconv.Atoi(getenv("JOB_COMPLETION_INDEX"))
		shares, err2 := strconv.Atoi(getenv("SHARES"))
		if err := errors.Join(err, err2); err != nil || index < 0 || index >= shares {
			return fmt.Errorf("JOB_COMPLETION_INDEX %q of SHARES %q", getenv("JOB_COMPLETION_INDEX"), getenv("SHARES"))
		}
		return share(ctx, b.Client, up, plan, args[1], plan.Share(index, shares), out)
	case len(args) == 1 && args[0] == "finish":
		res, err := up.Finish(ctx, plan, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d bytes in %d parts, ETag %s, CRC-64 %d\n", res.Size, res.Parts, res.ETag, res.CRC64)
		return nil
	case len(args) == 1 && args[0] == "abort":
		return b.Client.AbortMultipartUpload(ctx, plan.Upload)
	}
	return errors.New("usage: indexed begin FILE KEY | share FILE | finish | abort")
}

// begin prints a Plan whose Source tells the file from a later one.
func begin(ctx context.Context, up *multipart.Uploader, bucket, key, path string, out io.Writer) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	plan, err := up.Begin(ctx, bucket, key, info.Size(), nil)
	if err != nil {
		return err
	}
	plan.Source = info.ModTime().UTC().String()
	return json.NewEncoder(out).Encode(plan)
}

// share sends those of the numbered parts that OSS does not list.
func share(ctx context.Context, client *oss.Client, up *multipart.Uploader, plan multipart.Plan, path string,
	numbers []int, out io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var held []oss.Part
	for part, err := range client.Parts(ctx, plan.Upload, nil) {
		if err != nil {
			return err
		}
		held = append(held, part)
	}
	missing := plan.Missing(held)
	numbers = slices.DeleteFunc(numbers, func(n int) bool { return !slices.Contains(missing, n) })
	sent, err := up.UploadParts(ctx, plan, f, numbers)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || info.ModTime().UTC().String() != plan.Source {
		return errors.Join(err, fmt.Errorf("%s: %w", path, multipart.ErrSourceChanged))
	}
	fmt.Fprintf(out, "%d parts sent\n", len(sent))
	return nil
}
