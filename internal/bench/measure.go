package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A cost is what one run of a client took.
type cost struct {
	reply
	CPU    time.Duration // user and system, of the whole process
	Pieces int64         // that arrived
}

// A row is what a client took in a scenario: the medians.
type row struct {
	scenario scenario
	client   string
	cost
}

// A bench is one call of the command.
type bench struct {
	server    *server
	dir       string
	size      int64
	runs      int
	scenarios []scenario
	clients   []contender
	profiles  string // directory, or empty
	group     string // memory cgroup for the scenarios that want one, or empty
	verify    bool
	plain     string // this program without kernels, once it is built
	counts    string // the table of the scenario that counts instructions
	log       func(format string, args ...any)
}

// all runs everything.
func (b *bench) all(ctx context.Context) ([]row, error) {
	if err := os.Mkdir(b.trusted(), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(b.trusted(), "sink.pem"), b.server.Certificate, 0o600); err != nil {
		return nil, err
	}
	full := filepath.Join(b.dir, "source")
	if slices.ContainsFunc(b.scenarios, func(s scenario) bool { return !s.hole && s.mode != modeCount }) {
		if err := generate(full, b.size); err != nil {
			return nil, err
		}
	}
	var rows []row
	for _, s := range b.scenarios {
		if s.mode == modeCount {
			var err error
			if b.counts, err = countInstructions(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			continue
		}
		if s.memory > 0 && b.group == "" {
			b.log("%s: needs -cgroup", s.name)
			continue
		}
		more, err := b.scenario(ctx, s.sized(b.size), full)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// scenario runs the clients in turn, as often as wanted.
func (b *bench) scenario(ctx context.Context, s scenario, full string) ([]row, error) {
	path, create := full, generate
	if s.hole {
		create = generateHole
	}
	if s.hole || s.size < b.size {
		path = filepath.Join(b.dir, "source-"+s.name)
		if err := create(path, s.size); err != nil {
			return nil, err
		}
		defer os.Remove(path)
	}
	o := order{Path: path, Size: s.size, Part: s.part, Sizes: s.sizes, Hole: s.hole, Verify: b.verify}
	if s.memory > 0 {
		if err := limitGroup(b.group, s.memory); err != nil {
			return nil, err
		}
	}
	if s.slow {
		o.Latency = slowLatency
	}
	if err := b.server.ask(ctx, expectPath, o, nil); err != nil {
		return nil, err
	}
	if s.mode == modeMany {
		dir := filepath.Join(b.dir, s.name)
		if err := cutInto(dir, path, s.sizes); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path = dir
	}
	if s.mode == modeTree {
		dir := filepath.Join(b.dir, s.name)
		if err := plant(dir, path, s.objects()); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path = dir
	}
	clients := slices.DeleteFunc(slices.Clone(b.clients), func(c contender) bool { return !c.runs(s) })
	costs := make([][]cost, len(clients))
	for run := range b.runs {
		b.log("%s: run %d of %d", s.name, run+1, b.runs)
		for i := range clients {
			i = (i + run) % len(clients) // the first client has the coldest caches
			if s.cold {
				if err := dropCache(path); err != nil {
					return nil, err
				}
			}
			c, err := b.one(ctx, s, clients[i], path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", clients[i].name, err)
			}
			costs[i] = append(costs[i], c)
		}
	}
	var rows []row
	for i, c := range clients {
		rows = append(rows, row{s, c.name, medians(costs[i])})
	}
	return rows, nil
}

// one runs a client process and asks the sink what came of it.
func (b *bench) one(ctx context.Context, s scenario, client contender, path string) (cost, error) {
	if s.mode == modeTree {
		return b.tree(ctx, s, client, path)
	}
	j := job{Path: path, URL: b.server.url(s),
		Size: s.size, Part: s.part, Workers: s.workers, Files: s.objects(), Callers: int64(s.callers),
		Target: filepath.Join(b.dir, "target")}
	c, err := b.run(ctx, s, client, j)
	if err != nil {
		return cost{}, err
	}
	var got tally
	if err := b.server.ask(ctx, takePath, nil, &got); err != nil {
		return cost{}, err
	}
	want := tally{Objects: s.objects(), Pieces: s.pieces(), Bytes: s.size}
	if s.part == 0 || s.mode == modeRead {
		want.Pieces = got.Pieces
	}
	if s.mode != modeSmall { // a client may send a part twice if it is stuck
		want.Pieces, want.Bytes = max(want.Pieces, got.Pieces), max(want.Bytes, got.Bytes)
	}
	if got != want {
		return cost{}, fmt.Errorf("the sink has %+v, want %+v", got, want)
	}
	c.Pieces = got.Pieces
	if s.mode == modeDownload {
		return c, checkTarget(j.Target, path, s.size)
	}
	return c, nil
}

// run has a client process do a job.
func (b *bench) run(ctx context.Context, s scenario, client contender, j job) (cost, error) {
	j.Client, j.Mode = client.name, s.mode
	if s.memory > 0 {
		j.Group = b.group
	}
	if b.profiles != "" {
		j.Profile = filepath.Join(b.profiles, s.name+"-"+client.name+".prof")
	}
	text, err := json.Marshal(j)
	if err != nil {
		return cost{}, err
	}
	var stdout, stderr bytes.Buffer
	program, err := b.program(ctx, client)
	if err != nil {
		return cost{}, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(environment(os.Environ()), roleVariable+"=client",
		"SSL_CERT_FILE="+filepath.Join(b.trusted(), "sink.pem"), "SSL_CERT_DIR="+b.trusted())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, &stderr)
	}
	c := cost{CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if err := json.Unmarshal(stdout.Bytes(), &c.reply); err != nil {
		return cost{}, err
	}
	return c, nil
}

// trusted is the directory of the certificates that clients trust. The system's would be read by each, to no end.
func (b *bench) trusted() string { return filepath.Join(b.dir, "trusted") }

// environment is env without what would tune or lead astray a client.
func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		for _, prefix := range []string{"OSS_", "AWS_", "MINIO_", "GOGC=", "GOMEMLIMIT=", "GODEBUG=", "SSL_CERT_"} {
			if strings.HasPrefix(v, prefix) {
				return true
			}
		}
		return strings.HasSuffix(strings.ToUpper(strings.SplitN(v, "=", 2)[0]), "_PROXY")
	})
}

// medians are taken of each number by itself.
func medians(all []cost) cost {
	return cost{
		CPU:    median(all, func(c cost) time.Duration { return c.CPU }),
		Pieces: median(all, func(c cost) int64 { return c.Pieces }),
		reply: reply{
			Wall:   median(all, func(c cost) time.Duration { return c.Wall }),
			Peak:   median(all, func(c cost) float64 { return c.Peak }),
			Disk:   median(all, func(c cost) float64 { return c.Disk }),
			Bytes:  median(all, func(c cost) uint64 { return c.Bytes }),
			Allocs: median(all, func(c cost) uint64 { return c.Allocs }),
		},
	}
}

// median returns the middle value, the lower one of two.
func median[T cmp.Ordered](all []cost, of func(cost) T) T {
	var values []T
	for _, c := range all {
		values = append(values, of(c))
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
