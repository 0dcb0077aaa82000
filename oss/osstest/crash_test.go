package osstest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// crashDir in the environment makes this test binary a Server that works until it is killed.
const crashDir = "OSSTEST_CRASH_DIR"

// TestWorkUntilKilled is the process that the next test kills. For each thing that was acknowledged
// it prints a line.
func TestWorkUntilKilled(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("is run by TestKilledServerLosesNothing")
	}
	srv := persist(t, dir)
	srv.SetVersioning("versioned", true)
	client := srv.Client()
	body := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 100+i*37%5000) }
	for i := 0; ; i++ {
		for _, bucket := range []string{"bucket", "versioned"} {
			if _, err := client.PutObject(t.Context(), bucket, "key", strings.NewReader(body(i)), nil); err != nil {
				t.Fatal(err)
			}
		}
		up, err := client.InitiateMultipartUpload(t.Context(), "bucket", fmt.Sprint("upload-", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		part, err := client.UploadPart(t.Context(), up, 1, strings.NewReader(body(i)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := client.CompleteMultipartUpload(t.Context(), up, []oss.Part{part}, nil); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Println("done", i)
	}
}

func TestKilledServerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for round, after := range []int{1, 7, 30} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorkUntilKilled$")
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := -1
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Sscanf(lines.Text(), "done %d", &done)
			if done == after {
				cmd.Process.Kill() // SIGKILL; what it printed until then is read all the same
			}
		}
		cmd.Wait()
		if done < after {
			t.Fatalf("the process ended after %d of %d", done, after)
		}
		srv := persist(t, dir)
		for i := range done + 1 {
			key := fmt.Sprint("upload-", i)
			if _, ok := srv.Stat("bucket", key); ok != (i%2 == 0) {
				t.Errorf("round %d: %s: object is there: %t", round, key, ok)
			}
		}
		unfinished := 0
		for _, u := range srv.Uploads() {
			if len(u.Parts) == 1 {
				unfinished++
			}
		}
		if least := (done + 1) / 2; unfinished < least {
			t.Errorf("round %d: %d unfinished uploads with a part, want %d at least", round, unfinished, least)
		}
		readAll(t, srv, round)
		srv.Close()
	}
}

// readAll reads all objects and all versions: none may be torn.
func readAll(t *testing.T, srv *osstest.Server, round int) {
	t.Helper()
	for _, bucket := range []string{"bucket", "versioned"} {
		for _, key := range srv.Objects(bucket) {
			for _, v := range srv.Versions(bucket, key) {
				got := send(t, srv, call{method: "GET", bucket: bucket, key: key, query: "versionId=" + v.VersionID})
				if got.status != 200 || int64(len(got.body)) != v.Size ||
					crcOf(got.body) != got.header.Get("x-oss-hash-crc64ecma") {
					t.Errorf("round %d: %s/%s: %v with %d bytes, want %d", round, bucket,
						key, got, len(got.body), v.Size)
				}
			}
		}
	}
}
