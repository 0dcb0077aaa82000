package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// command runs the program as main would.
type command struct {
	ctx   context.Context
	stdin io.Reader
	env   map[string]string

	stdout, stderr bytes.Buffer
}

func (c *command) run(args ...string) int {
	return run(c.ctx, args, c.stdin, &c.stdout, &c.stderr, func(name string) string { return c.env[name] })
}

// data returns n bytes, the same ones each time.
func data(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

func writeFile(t *testing.T, name string, p []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tempDir makes the program keep its temporary files where the test sees whether they are removed.
func tempDir(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
	t.Cleanup(func() {
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left behind in the temporary directory: %v", left)
		}
	})
	return dir
}

func TestLocal(t *testing.T) {
	const partSize = 100 << 10
	file := writeFile(t, "film.bin", data(3*partSize+1))
	empty := writeFile(t, "empty", nil)
	small := writeFile(t, "small.txt", []byte("hello"))
	tests := []struct {
		name  string
		args  []string
		stdin string
		want  []string // patterns in what is printed, in this order
	}{
		{"file", []string{file}, "", []string{
			"(?m)^oss://example-bucket/film.bin$", "size +307201 bytes", `parts +4\n`,
			`ETag +"[0-9A-F]{32}-4"`, `CRC-64 +[0-9]+\n`, `upload ID +[0-9A-F]{32}\n`, `time +[0-9.]+ s, [0-9.]+ MiB/s`,
			"proof +read back: all 307201 bytes equal to those of .*film.bin",
		}},
		{"key and bucket", []string{"-bucket", "films", "-key", "a/b c", file}, "",
			[]string{"(?m)^oss://films/a/b c$", "all 307201 bytes"}},
		{"V1", []string{"-signature", "v1", file}, "", []string{"all 307201 bytes"}},
		{"no checksums", []string{"-checksum", "none", file}, "", []string{"all 307201 bytes"}},
		{"one part", []string{small}, "", []string{`parts +none`, `upload ID +none`, "proof +read back: all 5 bytes"}},
		{"empty file", []string{empty}, "", []string{"(?m)/empty$", "size +0 bytes", "proof +read back: all 0 bytes"}},
		{"several files", []string{"-key", "backup", file, empty, small}, "", []string{
			"(?m)^oss://example-bucket/backup/film.bin$", "all 307201 bytes",
			"(?m)^oss://example-bucket/backup/empty$", "all 0 bytes",
			"(?m)^oss://example-bucket/backup/small.txt$", "all 5 bytes",
		}},
		{"standard input", []string{"-"}, string(data(3*partSize + 1)), []string{
			"(?m)^oss://example-bucket/stdin$", "size +307201 bytes", `parts +4\n`, `ETag +"[0-9A-F]{32}-4"`,
			fmt.Sprintf("proof +read back: 307201 bytes, MD5 %x, CRC-64 [0-9]+, as was read from standard input",
				md5.Sum(data(3*partSize+1))),
		}},
		{"empty input", []string{"-key", "k", "-"}, "",
			[]string{"(?m)/k$", "size +0 bytes",
				"read back: 0 bytes, MD5 d41d8cd98f00b204e9800998ecf8427e, CRC-64 0,"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tempDir(t)
			c := command{ctx: t.Context(), stdin: strings.NewReader(tt.stdin)}
			if status := c.run(append([]string{"-part-size", "100KiB"}, tt.args...)...); status != exitOK {
				t.Fatalf("status %d: %s", status, &c.stderr)
			}
			if lines := strings.Count(c.stderr.String(), "\n"); lines != 1 ||
				!strings.HasPrefix(c.stderr.String(), "No OSS_* variable is set") {
				t.Errorf("stderr is %q, want one line about the test server", &c.stderr)
			}
			rest := c.stdout.String()
			for _, pattern := range tt.want {
				at := regexp.MustCompile(pattern).FindStringIndex(rest)
				if at == nil {
					t.Fatalf("%q is not, or not in this place, in\n%s", pattern, &c.stdout)
				}
				rest = rest[at[1]:]
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	file := writeFile(t, "a.bin", data(10))
	keys := map[string]string{"OSS_ACCESS_KEY_ID": "id", "OSS_ACCESS_KEY_SECRET": "secret",
		"OSS_REGION": "cn-hangzhou", "OSS_BUCKET": "b"}
	without := func(names ...string) map[string]string {
		env := make(map[string]string)
		for name, value := range keys {
			env[name] = value
		}
		for _, name := range names {
			delete(env, name)
		}
		return env
	}
	tests := []struct {
		name   string
		args   []string
		env    map[string]string
		status int
		want   string // in stderr
	}{
		{"no file", nil, nil, exitUsage, "no file given"},
		{"unknown flag", []string{"-colour", file}, nil, exitUsage, "-colour"},
		{"part size", []string{"-part-size", "8MB", file}, nil, exitUsage, "-part-size"},
		{"tiny parts", []string{"-part-size", "99KiB", file}, nil, exitUsage, "want 100.0 KiB to 5.0 GiB"},
		{"concurrency", []string{"-concurrency", "-1", file}, nil, exitUsage, "-concurrency -1"},
		{"checksum", []string{"-checksum", "sha1", file}, nil, exitUsage, "md5, crc64 or none"},
		{"signature", []string{"-signature", "v2", file}, nil, exitUsage, `"v2"`},
		{"one key twice", []string{file, file}, nil, exitUsage, `the key "a.bin"`},
		{"region without keys", []string{"-region", "cn-hangzhou", file}, nil, exitUsage, "OSS_ACCESS_KEY_ID"},
		{"no secret", []string{file}, without("OSS_ACCESS_KEY_SECRET"), exitUsage, "OSS_ACCESS_KEY_SECRET"},
		{"no region", []string{file}, without("OSS_REGION"), exitUsage, "OSS_REGION"},
		{"no bucket", []string{file}, without("OSS_BUCKET"), exitUsage, "OSS_BUCKET"},
		{"V4 without region", []string{"-signature", "v4", "-endpoint", "oss.example.com", file},
			without("OSS_REGION"), exitUsage, "v4 needs"},
		{"bad endpoint", []string{"-endpoint", "ftp://x", file}, keys, exitUsage, "ftp"},
		{"missing file", []string{file + ".gone"}, nil, exitFailure, "a.bin.gone: "},
		{"directory", []string{filepath.Dir(file)}, nil, exitFailure, "is a directory"},
		{"bad bucket", []string{"-bucket", "No_Bucket", file}, nil, exitFailure, "No_Bucket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tempDir(t)
			c := command{ctx: t.Context(), stdin: strings.NewReader(""), env: tt.env}
			if status := c.run(tt.args...); status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			said := c.stderr.String()
			if _, rest, ok := strings.Cut(said, "No OSS_*"); ok {
				_, said, _ = strings.Cut(rest, "\n")
			}
			if !strings.HasPrefix(said, "upload: ") || strings.Count(said, "\n") != 1 ||
				!strings.Contains(said, tt.want) {
				t.Errorf("stderr is %q, want one line with %q", said, tt.want)
			}
			if c.stdout.Len() > 0 {
				t.Errorf("stdout is %q, want nothing", &c.stdout)
			}
		})
	}
}

// TestOthersGoOn has one bad file between two good ones.
func TestOthersGoOn(t *testing.T) {
	tempDir(t)
	one, two := writeFile(t, "one", data(10)), writeFile(t, "two", data(20))
	c := command{ctx: t.Context()}
	if status := c.run(one, "missing", two); status != exitFailure {
		t.Errorf("status %d, want %d", status, exitFailure)
	}
	if out := c.stdout.String(); strings.Count(out, "read back: all") != 2 ||
		!strings.Contains(c.stderr.String(), "upload: missing: ") {
		t.Errorf("printed %s%s", out, &c.stderr)
	}
}

func TestHelp(t *testing.T) {
	c := command{ctx: t.Context()}
	if status := c.run("-help"); status != exitOK || !strings.Contains(c.stdout.String(), "-part-size bytes") {
		t.Errorf("status %d and %q, want the flags", status, &c.stdout)
	}
}

// remote starts a server on a real port and returns the environment that leads to it.
func remote(t *testing.T, srv *osstest.Server, front func(http.Handler) http.Handler) map[string]string {
	t.Helper()
	web := httptest.NewServer(front(srv))
	t.Cleanup(srv.Close)
	t.Cleanup(web.Close)
	return map[string]string{
		"OSS_ENDPOINT": web.URL, "OSS_BUCKET": "remote",
		"OSS_ACCESS_KEY_ID": osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET": osstest.AccessKeySecret,
	}
}

func unchanged(h http.Handler) http.Handler { return h }

func TestRemote(t *testing.T) {
	want := data(250 << 10)
	tests := []struct {
		name, region string
		flags        []string
		scheme       string // of the Authorization header
	}{
		{"V1 without a region", "", nil, "OSS " + osstest.AccessKeyID + ":"},
		{"V4 with a region", "cn-hangzhou", nil, "OSS4-HMAC-SHA256 "},
		{"V4 with a flag", "", []string{"-region", "cn-hangzhou"}, "OSS4-HMAC-SHA256 "},
		{"V1 by a flag", "cn-hangzhou", []string{"-signature", "v1"}, "OSS " + osstest.AccessKeyID + ":"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := osstest.NewServer(nil)
			c := command{ctx: t.Context(), stdin: bytes.NewReader(want), env: remote(t, srv, unchanged)}
			c.env["OSS_REGION"] = tt.region
			status := c.run(append(tt.flags, "-part-size", "100KiB", "-key", "k", writeFile(t, "x", want))...)
			if status != exitOK || c.stderr.Len() > 0 {
				t.Fatalf("status %d: %s", status, &c.stderr)
			}
			if status := c.run(append(tt.flags, "-part-size", "100KiB", "-")...); status != exitOK {
				t.Fatalf("standard input: status %d: %s", status, &c.stderr)
			}
			if n := strings.Count(c.stdout.String(),
				"proof      HeadObject reports the same size, ETag and CRC-64"); n != 2 {
				t.Errorf("%d proofs in\n%s", n, &c.stdout)
			}
			for _, key := range []string{"k", "stdin"} {
				if obj, _ := srv.Object("remote", key); !bytes.Equal(obj.Data, want) || len(obj.Parts) != 3 {
					t.Errorf("%s has %d bytes in %d parts, want the source in 3", key, len(obj.Data), len(obj.Parts))
				}
			}
			for _, r := range srv.Requests() {
				if got := r.Header.Get("Authorization"); !strings.HasPrefix(got, tt.scheme) {
					t.Errorf("%s was signed %q, want %q", r.Op, got, tt.scheme)
				}
			}
		})
	}
}

// TestRemoteUnproved has another writer replace the object before it is proved.
func TestRemoteUnproved(t *testing.T) {
	srv := osstest.NewServer(nil)
	c := command{ctx: t.Context(), env: remote(t, srv, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				srv.PutObject("remote", "x", []byte("other program's"))
			}
			h.ServeHTTP(w, r)
		})
	})}
	if status := c.run(writeFile(t, "x", data(10))); status != exitFailure ||
		!strings.Contains(c.stderr.String(), "uploaded, but not proved: OSS has 15 bytes") {
		t.Errorf("status %d and %q, want it not proved", status, &c.stderr)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	srv := osstest.NewServer(nil)
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2,
		Effect: osstest.Fail(http.StatusForbidden, oss.ErrAccessDenied)})
	c := command{ctx: t.Context(), env: remote(t, srv, unchanged)}
	status := c.run("-part-size", "100KiB", writeFile(t, "x", data(250<<10)))
	if said := c.stderr.String(); status != exitFailure || !strings.Contains(said, "AccessDenied") ||
		strings.Count(said, "\n") != 1 {
		t.Errorf("status %d and %q, want the refusal in one line", status, said)
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left unfinished: %v", left)
	}
}

// TestInterrupt cancels, as Ctrl-C does, while the second part is being sent.
func TestInterrupt(t *testing.T) {
	for _, from := range []string{"file", "pipe"} {
		t.Run(from, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv := osstest.NewServer(nil)
			c := command{ctx: ctx, env: remote(t, srv, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("partNumber") == "2" {
						cancel()
					}
					h.ServeHTTP(w, r)
				})
			})}
			file := writeFile(t, "x", data(1<<20))
			if from == "pipe" {
				file = "-"
				never, keep := io.Pipe() // its writer falls silent, as a person at a terminal does
				defer keep.Close()
				c.stdin = io.MultiReader(bytes.NewReader(data(300<<10)), never)
			}
			if status := c.run("-part-size", "100KiB", "-concurrency", "1", file,
				"never reached"); status != exitInterrupted {
				t.Errorf("status %d, want %d", status, exitInterrupted)
			}
			if said := c.stderr.String(); !strings.Contains(said, "interrupted; ") ||
				!strings.Contains(said, "nothing is left in OSS") || strings.Count(said, "\n") != 1 {
				t.Errorf("stderr is %q", said)
			}
			if left := srv.Uploads(); len(left) > 0 {
				t.Errorf("left unfinished: %v", left)
			}
			if _, ok := srv.Object("remote", "x"); ok || c.stdout.Len() > 0 {
				t.Errorf("an object was made: %s", &c.stdout)
			}
		})
	}
}

// TestInterruptLeftovers has the abort fail too: what is left must then be named.
func TestInterruptLeftovers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv := osstest.NewServer(nil)
	srv.Inject(osstest.Fault{Op: "AbortMultipartUpload",
		Effect: osstest.Fail(http.StatusForbidden, oss.ErrAccessDenied)})
	c := command{ctx: ctx, env: remote(t, srv, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("partNumber") == "2" {
				cancel()
			}
			h.ServeHTTP(w, r)
		})
	})}
	status := c.run("-part-size", "100KiB", "-concurrency", "1", writeFile(t, "x", data(250<<10)))
	left := srv.Uploads()
	if len(left) != 1 || status != exitInterrupted || !strings.Contains(c.stderr.String(), left[0].ID) {
		t.Errorf("status %d and %q, want the ID of one upload: %v", status, &c.stderr, left)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"16777216": 16 << 20, "8MiB": 8 << 20, "512KiB": 512 << 10, "5GiB": 5 << 30, "0": 0,
		"": -1, "8MB": -1, "MiB": -1, "-8MiB": -1, "8 MiB": -1, "9000000000GiB": -1, "1.5GiB": -1,
	} {
		got, err := parseBytes(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("parseBytes(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}
