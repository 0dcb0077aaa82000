package ossdistribution

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The process of a registry stays below 150 MiB while a layer of -layer bytes is pushed and pulled.
func TestALargeLayerTakesLittleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	t.Parallel()
	address := startOSSD(t, "-dir", t.TempDir())
	host, process := startRegistry(t, parametersFor(address))
	digest := sha256.New()
	began := time.Now()

	blobs := "http://" + host + "/v2/repo/blobs/"
	request(t, http.MethodPost, blobs+"uploads/", nil, http.StatusAccepted, func(r *http.Response) {
		content := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{2}), *layer), digest)
		request(t, http.MethodPatch, r.Header.Get("Location"), content, http.StatusAccepted, func(r *http.Response) {
			target := r.Header.Get("Location") + "&digest=" + url.QueryEscape(name(digest))
			request(t, http.MethodPut, target, nil, http.StatusCreated, nil)
		})
	})
	pushed := time.Since(began)
	pulled := sha256.New()
	request(t, http.MethodGet, blobs+name(digest), nil, http.StatusOK, func(r *http.Response) {
		if n, err := io.Copy(pulled, r.Body); n != *layer || err != nil {
			t.Errorf("%d bytes came, %v, want %d", n, err, *layer)
		}
	})
	if name(pulled) != name(digest) {
		t.Errorf("the layer pulled is %s, want %s", name(pulled), name(digest))
	}
	const most = 150 << 20
	if used := peakMemory(t, process.Pid); used > most {
		t.Errorf("the registry took %d MiB, want %d or less", used>>20, most>>20)
	} else {
		t.Logf("the registry took %d MiB for a layer of %d MiB, pushed in %v and pulled in %v",
			used>>20, *layer>>20, pushed.Round(time.Second), (time.Since(began) - pushed).Round(time.Second))
	}
}

func name(digest hash.Hash) string { return fmt.Sprintf("sha256:%x", digest.Sum(nil)) }

// request sends a request, and calls then with the reply unless it is nil.
func request(t *testing.T, method, target string, body io.Reader, status int, then func(*http.Response)) {
	t.Helper()
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: %s\n%s", method, resp.Status, text)
	}
	if then != nil {
		then(resp)
	}
}

// peakMemory returns the most bytes that a process has had in memory.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kilobytes int64
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
