package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// TestClientsReachIt uses what the introduction says, and nothing else.
func TestClientsReachIt(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		sign    signer.Signer
		refused bool
	}{
		{"V4", nil, signer.V4{}, false},
		{"V1", nil, signer.V1{}, false},
		{"V4 of another region", []string{"-region", "eu-central-1"}, signer.V4{}, false},
		{"V4 where V1 is refused", []string{"-refuse-v1"}, signer.V4{}, false},
		{"V1 where it is refused", []string{"-refuse-v1"}, signer.V1{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := launch(t, nil, tt.args...)
			d.cfg.Signer = tt.sign
			c := d.client(t)
			_, err := c.PutObject(t.Context(), "photos", "a b/cat.jpg", strings.NewReader("meow"), nil)
			if tt.refused {
				if !errors.Is(err, oss.ErrAccessDenied) {
					t.Errorf("got %v, want a refusal", err)
				}
			} else if got := get(t, c, "photos", "a b/cat.jpg"); err != nil || got != "meow" {
				t.Errorf("got %q, %v", got, err)
			}
			want := `^\S+ PutObject               photos/a b/cat.jpg in=4 200 \S+ms\n\S+ GetObject               ` +
				`photos/a b/cat.jpg out=4 200 \S+ms\nstopping`
			if tt.refused {
				want = `^\S+ PutObject               photos/a b/cat.jpg in=4 out=\d+ 403 AccessDenied \S+ms\nstopping`
			}
			if log := d.end(t); !regexp.MustCompile(want).MatchString(log) {
				t.Errorf("the log is\n%s\nwant\n%s", log, want)
			}
		})
	}
}

// If the callback server does not answer, the object exists and the callback has failed (H5).
func TestCallbacksAreMadeOnRequest(t *testing.T) {
	spec := base64.StdEncoding.EncodeToString([]byte(`{"callbackUrl":"http://127.0.0.1:1/","callbackBody":"x"}`))
	for _, tt := range []struct {
		args []string
		want error
		made bool
	}{{nil, oss.Code("NotImplemented"), false}, {[]string{"-callbacks"}, oss.ErrCallbackFailed, true}} {
		d := launch(t, nil, tt.args...)
		c := d.client(t)
		_, err := c.Do(t.Context(), &oss.Request{
			Op: "PutObject", Method: "PUT", Bucket: "photos", Key: "cat.jpg", Body: strings.NewReader("meow"),
			Header: http.Header{"X-Oss-Callback": {spec}},
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("with %q: %v, want %v", tt.args, err, tt.want)
		}
		if _, err := c.HeadObject(t.Context(), "photos", "cat.jpg", nil); (err == nil) != tt.made {
			t.Errorf("with %q: HeadObject: %v, want the object %t", tt.args, err, tt.made)
		}
		d.end(t)
	}
}

func TestOnlyNamedBucketsExist(t *testing.T) {
	d := launch(t, nil, "-bucket", "films", "-bucket", "books")
	c := d.client(t)
	for bucket, want := range map[string]error{"films": nil, "books": nil, "photos": oss.ErrNoSuchBucket} {
		if _, err := c.PutObject(t.Context(), bucket, "k", strings.NewReader("x"), nil); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", bucket, err, want)
		}
	}
	d.end(t)
	if !strings.Contains(d.stdout.String(), "films, books") ||
		!strings.Contains(d.stdout.String(), "OSS_BUCKET=films") {
		t.Errorf("printed %s", d.stdout)
	}
}

// TestKeys looks for the secret in all that is printed, a refused request included.
func TestKeys(t *testing.T) {
	const id, secret = "my-own-id", "my-own-secret"
	tests := []struct {
		name string
		args []string
		env  map[string]string
	}{
		{"from flags", []string{"-access-key-id", id, "-access-key-secret", secret}, nil},
		{"from the environment", nil, map[string]string{"OSS_ACCESS_KEY_ID": id, "OSS_ACCESS_KEY_SECRET": secret}},
		{"a flag wins", []string{"-access-key-id", id},
			map[string]string{"OSS_ACCESS_KEY_ID": "other", "OSS_ACCESS_KEY_SECRET": secret}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := launch(t, tt.env, tt.args...)
			for keys, want := range map[oss.Credentials]error{
				{AccessKeyID: id, AccessKeySecret: secret}:       nil,
				{AccessKeyID: id, AccessKeySecret: secret + "x"}: oss.ErrSignatureMismatch,
				{AccessKeyID: "other", AccessKeySecret: secret}:  oss.Code("InvalidAccessKeyId"),
				osstest.TestCredentials():                        oss.Code("InvalidAccessKeyId"),
			} {
				d.cfg.Credentials = keys
				if _, err := d.client(t).PutObject(t.Context(), "b", "k", strings.NewReader("x"),
					nil); !errors.Is(err, want) {
					t.Errorf("%v: got %v, want %v", keys, err, want)
				}
			}
			d.end(t)
			if said := d.stdout.String(); strings.Contains(said, secret) || !strings.Contains(said, id) ||
				strings.Contains(said, osstest.AccessKeySecret) {
				t.Errorf("printed %s", said)
			}
		})
	}
}

func TestFaultFlagsAndChaosStrike(t *testing.T) {
	d := launch(t, nil, "-chaos", "1", "-fault", "PutObject:times=1:lose-reply", "-fault",
		"PutObject:times=1:fail=500/InternalError")
	c := d.client(t)
	for _, key := range []string{"k", "a", "b", "c", "d", "e", "f", "g", "h"} { // chaos strikes the same ones each time
		if _, err := c.PutObject(t.Context(), "b", key, strings.NewReader("x"), nil); err != nil {
			t.Error(err)
		}
	}
	log := d.end(t)
	for _, want := range []string{
		`PutObject +b/k in=1 cut \S+ fault LoseReply\n\S+ PutObject +b/k in=1 out=\d+ 500 InternalError \S+ fault ` +
			`Fail\(500 InternalError\)\n`,
		`PutObject +b/[a-h] .* fault `,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("no %s in\n%s", want, log)
		}
	}
	for _, want := range []string{"fault       PutObject:times=1:lose-reply\n", "fault       *:chaos=1\n\n"} {
		if !strings.Contains(d.stdout.String(), want) {
			t.Errorf("the introduction lacks %q", want)
		}
	}
}

// TestARestartKeepsEverything: an object is read, and an upload goes on, after a restart with the
// same directory; without one they are gone.
func TestARestartKeepsEverything(t *testing.T) {
	parts := []string{strings.Repeat("first", int(oss.MinPartSize)/5), "second"}
	for _, args := range [][]string{{"-dir", filepath.Join(t.TempDir(), "new", "data")}, nil} {
		one := launch(t, nil, args...)
		c := one.client(t)
		if _, err := c.PutObject(t.Context(), "b", "whole", strings.NewReader("whole"), nil); err != nil {
			t.Fatal(err)
		}
		up, err := c.InitiateMultipartUpload(t.Context(), "b", "in parts", nil)
		if err != nil {
			t.Fatal(err)
		}
		first, err := c.UploadPart(t.Context(), up, 1, strings.NewReader(parts[0]), nil)
		if err != nil {
			t.Fatal(err)
		}
		one.end(t)

		two := launch(t, nil, args...)
		c = two.client(t)
		second, err := c.UploadPart(t.Context(), up, 2, strings.NewReader(parts[1]), nil)
		if args == nil {
			if !errors.Is(err, oss.ErrNoSuchUpload) {
				t.Errorf("without a directory: %v, want it gone", err)
			}
			two.end(t)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CompleteMultipartUpload(t.Context(), up, []oss.Part{first, second}, nil); err != nil {
			t.Error(err)
		}
		two.end(t)

		three := launch(t, nil, args...)
		c = three.client(t)
		if got := get(t, c, "b", "whole"); got != "whole" {
			t.Errorf("got %q", got)
		}
		if got := get(t, c, "b", "in parts"); got != strings.Join(parts, "") {
			t.Errorf("got %d bytes, want those of both parts", len(got))
		}
		three.end(t)
	}
}

func TestMistakes(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	tests := []struct {
		name   string
		args   []string
		env    map[string]string
		status int
		want   string // in stderr
	}{
		{"unknown flag", []string{"-colour"}, nil, exitUsage, "-colour"},
		{"argument", []string{"-refuse-v1", "true"}, nil, exitUsage, `"true" is not a flag`},
		{"every address", []string{"-addr", ":0"}, nil, exitUsage, "-allow-remote"},
		{"every IPv4 address", []string{"-addr", "0.0.0.0:0"}, nil, exitUsage, "the test key is public"},
		{"every IPv6 address", []string{"-addr", "[::]:0"}, nil, exitUsage, "-allow-remote"},
		{"another address", []string{"-addr", "192.0.2.1:9000"}, nil, exitUsage, "-allow-remote"},
		{"no port", []string{"-addr", "127.0.0.1"}, nil, exitUsage, "missing port"},
		{"port in use", []string{"-addr", busy.Addr().String()}, nil, exitFailure, "listen tcp "},
		{"directory is a file", []string{"-dir", file}, nil, exitFailure, file},
		{"fault", []string{"-fault", "UploadPart:part=x:drop"}, nil, exitUsage, "part=x: want it like part=3"},
		{"second fault", []string{"-fault", "*:drop", "-fault", "PutObjects:drop"}, nil, exitUsage,
			`"PutObjects" is not an operation`},
		{"chaos", []string{"-chaos", "much"}, nil, exitUsage, "chaos=much: want it like chaos=7"},
		{"bucket", []string{"-bucket", "No_Bucket"}, nil, exitUsage, `-bucket "No_Bucket"`},
		{"region", []string{"-region", "Hangzhou!"}, nil, exitUsage, `-region "Hangzhou!"`},
		{"no region", []string{"-region", ""}, nil, exitUsage, `-region ""`},
		{"no secret", []string{"-access-key-id", "id"}, nil, exitUsage, "an access key ID, but no secret"},
		{"no ID", nil, map[string]string{"OSS_ACCESS_KEY_SECRET": "secret"}, exitUsage,
			"an access key secret, but no ID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if !slices.Contains(args, "-dir") {
				args = append([]string{"-dir", dir}, args...)
			}
			if !slices.Contains(args, "-addr") {
				args = append([]string{"-addr", "127.0.0.1:0"}, args...)
			}
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), args, &stdout, &stderr, func(name string) string { return tt.env[name] })
			said := stderr.String()
			if status != tt.status || !strings.HasPrefix(said, "ossd: ") || strings.Count(said, "\n") != 1 ||
				!strings.Contains(said, tt.want) {
				t.Errorf("status %d and %q, want %d and one line with %q", status, said, tt.status, tt.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout is %q, want nothing", &stdout)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the directory was made before the mistake was found: %v", err)
			}
		})
	}
}

func TestRemoteAddressesNeedAFlag(t *testing.T) {
	none := func(string) string { return "" }
	for addr, remote := range map[string]bool{"127.0.0.1:0": false, "127.9.9.9:0": false, "[::1]:0": false,
		"0.0.0.0:0": true, "192.0.2.1:9": true} {
		var s settings
		if err := s.parse([]string{"-addr", addr}, none); (err != nil) != remote {
			t.Errorf("%s: %v, want a refusal to be %t", addr, err, remote)
		}
		if err := new(settings).parse([]string{"-addr", addr, "-allow-remote"}, none); err != nil {
			t.Errorf("%s with the flag: %v", addr, err)
		}
	}
	var said strings.Builder
	if err := (&settings{testKey: true}).introduce(&said, &net.TCPAddr{IP: net.IPv4zero, Port: 9000}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "which other machines can reach") ||
		!strings.Contains(said.String(), "OSS_ENDPOINT=http://127.0.0.1:9000 ") {
		t.Errorf("printed %s", &said)
	}
}

func TestHelpExplainsEveryFlagAndTerm(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"-help"}, &stdout, &stderr, os.Getenv); status != exitOK ||
		stderr.Len() > 0 {
		t.Fatalf("status %d and %q", status, &stderr)
	}
	want := []string{"-addr", "-allow-remote", "-dir", "-region", "-bucket", "-refuse-v1",
		"-callbacks", "-access-key-id", "-access-key-secret", "-fault", "-chaos"}
	for _, term := range slices.Concat(conditions, effects) {
		want = append(want, "  "+term.form+"  ")
	}
	for _, w := range want {
		if !strings.Contains(stdout.String(), "\n"+w) && !strings.Contains(stdout.String(), "\n  "+w) {
			t.Errorf("-help lacks %q", w)
		}
	}
	for line := range strings.Lines(stdout.String()) {
		if len(line) > 132 {
			t.Errorf("too long: %q", line)
		}
	}
}
