package osstest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// underChaos uploads n parts at the same time, in a random order, under chaos, and returns what was done
// to which try of which part, sorted.
func underChaos(t *testing.T, seed uint64, n int) []string {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
	defer srv.Close()
	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
	c, ctx := srv.Client(), context.Background()
	up, err := c.InitiateMultipartUpload(ctx, "bucket", "key", nil)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	parts := make([]oss.Part, n)
	var wg sync.WaitGroup
	for _, i := range rand.Perm(n) {
		wg.Go(func() {
			var err error
			if parts[i], err = c.UploadPart(ctx, up, i+1, strings.NewReader(strings.Repeat("content", 50)),
				nil); err != nil {
				t.Errorf("seed %d, part %d: %v: %v", seed, i+1, err, chaos.Strikes())
			}
		})
	}
	wg.Wait()
	if err := c.AbortMultipartUpload(ctx, up); err != nil && len(srv.Uploads()) > 0 {
		t.Errorf("seed %d: %v", seed, err)
	}
	var done []string
	for _, s := range chaos.Strikes() {
		s.Arrival = 0
		done = append(done, s.String())
	}
	if chaos.Fired() != len(done) {
		t.Errorf("fired %d times, %d strikes", chaos.Fired(), len(done))
	}
	slices.Sort(done)
	return done
}

func TestChaosFollowsFromItsSeed(t *testing.T) {
	kinds := make(map[string]bool)
	for seed := range uint64(20) {
		first, again := underChaos(t, seed, 30), underChaos(t, seed, 30)
		if !slices.Equal(first, again) {
			t.Errorf("seed %d gives\n%s\nand then\n%s", seed, strings.Join(first, "\n"), strings.Join(again, "\n"))
		}
		if other := underChaos(t, seed+1000, 30); slices.Equal(first, other) {
			t.Errorf("seeds %d and %d give the same %v", seed, seed+1000, first)
		}
		for _, s := range first {
			_, kind, _ := strings.Cut(s, ": ")
			kinds[kind] = true
		}
	}
	for _, r := range osstest.BadDay() {
		if !kinds[fmt.Sprint(r.Effect)] {
			t.Errorf("%v never struck: %v", r.Effect, kinds)
		}
	}
}

func TestChaosStrikesAtMostTwiceInARow(t *testing.T) {
	srv := start(t, nil)
	chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(1, osstest.Rate{Share: 1, Effect: osstest.Throttle(nil)})})
	if got := pattern(t, srv, 8, 0, nil); got != "xx.xx.xx" {
		t.Errorf("one key: %s", got)
	}
	if got := pattern(t, srv, 8, 0, func(i int) string { return fmt.Sprint(i % 4) }); got != "xxxxxxxx" {
		t.Errorf("four keys: %s", got)
	}
	last := chaos.Strikes()[chaos.Fired()-1]
	if got := last.String(); got != "request 16, PutObject oss://bucket/3, try 2: Throttle(503 TotalQpsLimitExceeded)" {
		t.Errorf("last strike is %s", got)
	}
}

// Requests without a key are the same if they ask for the same: a list between two others does not count for them.
func TestChaosStrikesAListingAtMostTwiceInARow(t *testing.T) {
	srv := start(t, nil)
	srv.Inject(osstest.Fault{Effect: osstest.Chaos(1, osstest.Rate{Share: 1, Effect: osstest.Throttle(nil)})})
	got := make(map[string]string)
	for i := range 18 {
		prefix := "a"
		if i%3 == 2 {
			prefix = "b"
		}
		c := call{method: "GET", query: "list-type=2&prefix=" + prefix}
		if send(t, srv, c).status == 200 {
			got[prefix] += "."
		} else {
			got[prefix] += "x"
		}
	}
	if got["a"] != "xx.xx.xx.xx." || got["b"] != "xx.xx." {
		t.Errorf("the lists are struck %v", got)
	}
}

func TestChaosKeepsItsRates(t *testing.T) {
	srv := start(t, nil)
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Chaos(5,
		osstest.Rate{Share: 0.5, Effect: osstest.ShortReply(0)}, // does nothing to a PUT
		osstest.Rate{Share: 0.1, Effect: osstest.Fail(500, "A")},
		osstest.Rate{Share: 0.3, Effect: osstest.Fail(500, "B")},
	)})
	later := srv.Inject(osstest.Fault{Effect: osstest.Fail(500, "C")})
	got := make(map[string]int)
	for i := range 1000 {
		c := putKey
		c.key = fmt.Sprint(i)
		got[send(t, srv, c).err.Code]++
	}
	if a, b, c := got["A"], got["B"], got["C"]; a < 70 || a > 130 || b < 250 || b > 350 ||
		a+b+c != 1000 || later.Fired() != c {
		t.Errorf("%v, want about 100 A and 300 B, and C for what chaos leaves", got)
	}
}

// Parts of an object that are read side by side are told apart by their range.
func TestChaosTellsRangesApart(t *testing.T) {
	run := func(order []int) string {
		srv := start(t, nil)
		srv.PutObject("bucket", "key", make([]byte, 100))
		srv.Inject(osstest.Fault{Effect: osstest.Chaos(3, osstest.Rate{Share: 0.4, Effect: osstest.Throttle(nil)})})
		got := make([]byte, len(order))
		for _, i := range order {
			got[i] = '.'
			if send(t, srv, call{method: "GET", key: "key",
				header: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", i, i)}}).status >= 300 {
				got[i] = 'x'
			}
		}
		return string(got)
	}
	order := rand.Perm(50)
	first, second := run(order), run(rand.Perm(50))
	if first != second || !strings.Contains(first, "x") || !strings.Contains(first, ".") {
		t.Errorf("order %v gives %s, another %s", order, first, second)
	}
}

// Law: under chaos of everything there is, an upload that says it succeeded did, and whatever is left
// is gone after aborts.
func TestUploadsSurviveChaos(t *testing.T) {
	rates := append(osstest.BadDay(),
		osstest.Rate{Share: 0.03, Effect: osstest.Hang()}, osstest.Rate{Share: 0.03, Effect: osstest.Delay(time.Hour)},
		osstest.Rate{Share: 0.03, Effect: osstest.Slow(1000)}, osstest.Rate{Share: 0.02, Effect: osstest.WrongETag()},
		osstest.Rate{Share: 0.02, Effect: osstest.WrongCRC64()},
		osstest.Rate{Share: 0.02, Effect: osstest.ClockOff(time.Hour)},
		osstest.Rate{Share: 0.05, Effect: osstest.Redeliver(time.Minute)},
		osstest.Rate{Share: 0.02, Effect: osstest.ShortReply(50)})
	stored := 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
			defer srv.Close()
			chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed, rates...)})
			want := bytes.Repeat([]byte("0123456789"), 100)
			res, err := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 100}).
				Upload(t.Context(), "bucket", "key", bytes.NewReader(want), nil)
			o, ok := srv.Object("bucket", "key")
			if err == nil {
				stored++
				if !ok || !bytes.Equal(o.Data, want) || res.Size != 1000 {
					t.Errorf("seed %d: %+v, but the object has %d bytes: %v", seed, res, len(o.Data), chaos.Strikes())
				}
			}
			chaos.Remove()
			time.Sleep(time.Hour) // what is late arrives
			synctest.Wait()
			for _, left := range srv.Uploads() {
				if err := srv.Client().AbortMultipartUpload(t.Context(), left.Upload); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
			if left := srv.Uploads(); len(left) > 0 {
				t.Errorf("seed %d: left %v", seed, left)
			}
		})
	}
	if stored < 20 {
		t.Errorf("%d of 40 uploads succeeded, fewer than a bad day explains", stored)
	}
}

// FuzzFaults does what any two effects do to any request. The laws: the handler ends, at most with
// http.ErrAbortHandler; no 500 that was not asked for; once the faults are gone the Server works as if
// nothing had been; and what it holds is what was sent, or what was there, whole.
func FuzzFaults(f *testing.F) {
	for i := range uint8(30) {
		f.Add(i, uint8(29-i), uint8(i%8), "content", uint64(i))
	}
	f.Fuzz(func(t *testing.T, first, second, op uint8, body string, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
			defer srv.Close()
			srv.PutObject("bucket", "key", []byte("before"))
			id := initiate(t, srv, nil)
			etag := put(t, srv, id, 1, "part")
			effects := everyEffect()
			a, b := effects[int(first)%(len(effects)-1)], effects[int(second)%(len(effects)-1)] // Chaos is the last
			both := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed,
				osstest.Rate{Share: 0.5, Effect: osstest.Together(a, b)},
				osstest.Rate{Share: 0.25, Effect: a}, osstest.Rate{Share: 0.25, Effect: b})})
			c := []call{
				{method: "PUT", key: "key", body: body},
				{method: "PUT", key: "key", query: "partNumber=2&uploadId=" + id, body: body},
				{method: "POST", key: "key", query: "uploadId=" + id, body: partList(1, etag)},
				{method: "DELETE", key: "key", query: "uploadId=" + id},
				{method: "GET", key: "key"},
				{method: "HEAD", key: "key"},
				{method: "GET", key: "key", query: "uploadId=" + id},
				{method: "PUT", key: "key", header: map[string]string{"x-oss-copy-source": "/bucket/key"}},
			}[op%8]
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			if resp, err := srv.HTTPClient().Do(c.request(t).WithContext(ctx)); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				done := fmt.Sprint(both.Strikes())
				if resp.StatusCode == 500 && !strings.Contains(done, "InternalError") {
					t.Errorf("%s %s: 500 after %s", c.method, c.query, done)
				}
			}
			both.Remove()
			o, ok := srv.Object("bucket", "key")
			flipped := ""
			if body != "" {
				flipped = string([]byte{body[0] ^ 1}) + body[1:]
			}
			if got := string(o.Data); !ok ||
				!slices.Contains([]string{"before", "cefore", "part", "qart", body, flipped}, got) {
				t.Errorf("%s %s: the object is %q after %v", c.method, c.query, got, both.Strikes())
			}
			if got := send(t, srv, call{method: "PUT", key: "key", body: "after"}); got.status != 200 {
				t.Errorf("afterwards: %v", got)
			}
		})
	})
}
