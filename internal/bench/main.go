package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// roleVariable makes this program one of the processes that it starts: "sink" or "client".
const roleVariable = "GO_OSS_BENCH_ROLE"

func main() {
	switch os.Getenv(roleVariable) {
	case "sink":
		exit(serve(os.Stdin, os.Stdout))
	case "client":
		exit(work(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run is the command.
func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	b := bench{size: 1 << 30, log: func(format string, args ...any) { fmt.Fprintf(log, format+"\n", args...) }}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Func("size", "`bytes` to upload, such as 1GiB or 512MiB (default 1GiB); some scenarios "+
		"take less", func(text string) (err error) {
		b.size, err = parseBytes(text)
		return err
	})
	flags.IntVar(&b.runs, "runs", 5, "how often each client runs each scenario")
	only := flags.String("only", "", "scenarios, or what their names begin with, with commas (default all)")
	clients := flags.String("clients", "", "clients, with commas (default all)")
	flags.StringVar(&b.profiles, "profile", "",
		"`directory` for a CPU profile of the last run of each client and scenario")
	flags.StringVar(&b.group, "cgroup", "",
		"`directory` of an empty memory cgroup, of either version, for the container scenarios")
	flags.BoolVar(&b.verify, "verify", false, "let the sink hash what it receives; seconds are worth nothing then")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || b.runs < 1 {
		return fmt.Errorf("want at least one run and no argument, have %d and %q", b.runs, flags.Args())
	}
	if b.scenarios, err = choose(*only); err != nil {
		return err
	}
	if b.clients, err = enlist(*clients); err != nil {
		return err
	}
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o777); err != nil {
			return err
		}
	}
	if b.dir, err = os.MkdirTemp("", "go-oss-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.server, err = startServer(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.stop()) }()
	rows, err := b.all(ctx)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		table(out, rows, b.runs)
		summary(out, rows)
	}
	if b.counts != "" {
		fmt.Fprintf(out, "\nInstructions of the code for arm64:\n\n%s", b.counts)
	}
	return nil
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
	if err != nil || n < 1 || n > 1<<40>>shift {
		return 0, errors.New("want a number of bytes such as 1GiB or 512MiB")
	}
	return n << shift, nil
}
