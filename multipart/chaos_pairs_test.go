package multipart_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var pairs = flag.Int("pairs", 0, "how many random pairs of mishaps to try; 0 leaves it to package effort")

// Mishaps are what happens to the requests of an upload, by their number, at the client's end of the line: mishaps that
// no server can make.
type mishaps map[int]string

// mishapKinds are all there are. Those that begin with "all" go on to the end.
var mishapKinds = []string{
	"dropped", "lost", "late", "403", "404", "500", "gateway", "page", "garbage", "cancelled before",
	"cancelled after", "cancelled while waiting", "all dropped", "all lost", "all 403", "all garbage",
}

// A crookedLine sends requests on, but for those that have a mishap.
type crookedLine struct {
	next   http.RoundTripper
	cancel context.CancelFunc // of the caller

	mu     sync.Mutex
	plan   mishaps
	number int // of the last request
	struck []string
	late   []func() // requests that are still on their way
}

// arrive delivers what is on its way.
func (l *crookedLine) arrive() {
	l.mu.Lock()
	late := l.late
	l.late = nil
	l.mu.Unlock()
	for _, deliver := range late {
		deliver()
	}
}

// mishap returns that of the next request.
func (l *crookedLine) mishap(req *http.Request) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	what, ongoing := strings.CutPrefix(l.plan[l.number], "all ")
	if ongoing {
		l.plan[l.number+1] = "all " + what
	}
	if what != "" {
		l.struck = append(l.struck, fmt.Sprintf("%s ?%s: %s", req.Method, req.URL.RawQuery, what))
	}
	return what
}

func (l *crookedLine) RoundTrip(req *http.Request) (*http.Response, error) {
	what := l.mishap(req)
	l.arrive()
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	send := func(ctx context.Context) (*http.Response, error) {
		again := req.Clone(ctx)
		if again.Body = http.NoBody; len(body) > 0 {
			again.Body = io.NopCloser(bytes.NewReader(body))
		}
		return l.next.RoundTrip(again)
	}
	sendUnseen := func(ctx context.Context) {
		if resp, err := send(ctx); err == nil {
			resp.Body.Close()
		}
	}
	refuse := func(status int, code oss.Code) (*http.Response, error) {
		return replied(req, status, "<Error><Code>"+string(code)+"</Code></Error>"), nil
	}
	switch what {
	case "dropped":
		return nil, errors.New("reset before it arrived")
	case "lost":
		sendUnseen(req.Context())
		return nil, errors.New("reset before the reply")
	case "late":
		l.mu.Lock()
		defer l.mu.Unlock()
		l.late = append(l.late, func() { sendUnseen(context.WithoutCancel(req.Context())) })
		return nil, errors.New("reset while it is on its way")
	case "403":
		return refuse(403, oss.ErrAccessDenied)
	case "404":
		return refuse(404, oss.ErrNoSuchUpload)
	case "500":
		return refuse(500, "InternalError")
	case "gateway":
		sendUnseen(req.Context())
		return replied(req, 503, "<html>busy"), nil
	case "page":
		sendUnseen(req.Context())
		return replied(req, 200, "<html>welcome"), nil
	case "garbage": // of OSS, as far as its header tells
		sendUnseen(req.Context())
		resp := replied(req, 200, "<\x00PartNumber>99999999999999999999<", "x-oss-request-id", "X")
		return resp, nil
	case "cancelled before":
		l.cancel()
	case "cancelled after":
		defer l.cancel()
	case "cancelled while waiting":
		time.AfterFunc(time.Second, l.cancel)
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return send(req.Context())
}

// A trial is a way to make an object of want.
type trial struct {
	name   string
	size   int
	before string // what stands there
	run    func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader,
		want []byte) (*multipart.Result, error)
}

var trials = []trial{
	{"object of one part over an older one", 50, "older", uploadBytes(nil)},
	{"object of one part where none may be", 50, "", uploadBytes(&oss.ObjectOptions{ForbidOverwrite: true})},
	{"parts over an older object", 250, "older", uploadBytes(nil)},
	{"parts where no object may be", 250, "", uploadBytes(&oss.ObjectOptions{ForbidOverwrite: true})},
	{"stream", 250, "older", func(ctx context.Context, t *testing.T, _ *osstest.Server, u *multipart.Uploader,
		want []byte) (*multipart.Result, error) {
		return u.Upload(ctx, bucket, key, plainReader{bytes.NewReader(want)}, nil)
	}},
	{"copy of one part", 50, "older", copySource},
	{"copy in parts", 250, "older", copySource},
	{"steps", 250, "older", func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader,
		want []byte) (*multipart.Result, error) {
		p := beginElsewhere(t, srv, want)
		if _, err := u.UploadParts(ctx, p, bytes.NewReader(want), []int{1, 3}); err != nil {
			return nil, err
		}
		return u.Finish(ctx, p, nil)
	}},
	{"resume", 250, "older", func(ctx context.Context, t *testing.T, srv *osstest.Server, u *multipart.Uploader,
		want []byte) (*multipart.Result, error) {
		return u.Resume(ctx, beginElsewhere(t, srv, want), bytes.NewReader(want))
	}},
}

func uploadBytes(opts *oss.ObjectOptions) func(context.Context, *testing.T, *osstest.Server, *multipart.Uploader,
	[]byte) (*multipart.Result, error) {
	return func(ctx context.Context, _ *testing.T, _ *osstest.Server, u *multipart.Uploader,
		want []byte) (*multipart.Result, error) {
		return u.Upload(ctx, bucket, key, bytes.NewReader(want), opts)
	}
}

func copySource(ctx context.Context, _ *testing.T, srv *osstest.Server, u *multipart.Uploader,
	want []byte) (*multipart.Result, error) {
	srv.PutObject("source", "key", want)
	return u.Copy(ctx, bucket, key, oss.CopySource{Bucket: "source", Key: "key"}, nil)
}

// beginElsewhere begins an upload of want, of which OSS has the second part, over another line.
func beginElsewhere(t *testing.T, srv *osstest.Server, want []byte) multipart.Plan {
	u := multipart.NewUploader(srv.Client(), settings(100))
	p, err := u.Begin(t.Context(), bucket, key, int64(len(want)), nil)
	if err == nil {
		_, err = u.UploadParts(t.Context(), p, bytes.NewReader(want), []int{2})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each mishap is tried at each of the first requests, and random pairs of them. What comes out is what was said, and
// what is left in OSS is in the error or the result.
func TestNoPairOfMishapsMakesAnUploadLie(t *testing.T) {
	t.Parallel()
	const requests = 9
	for _, tr := range trials {
		for number := 1; number <= requests; number++ {
			for i, kind := range mishapKinds {
				if testing.Short() && (number+i)%5 != 0 { // still every kind, and every request
					continue
				}
				tr.check(t, mishaps{number: kind})
			}
		}
	}
	for seed := range uint64(cmp.Or(*pairs, effort.Of(20, 400, 2000))) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		tr := trials[rnd.IntN(len(trials))]
		plan := make(mishaps)
		for range 2 {
			plan[1+rnd.IntN(requests)] = mishapKinds[rnd.IntN(len(mishapKinds))]
		}
		tr.check(t, plan)
	}
}

// check runs the trial with these mishaps.
func (tr trial) check(t *testing.T, plan mishaps) {
	name := fmt.Sprint(tr.name, " ", plan)
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		if tr.before != "" {
			srv.PutObject(bucket, key, []byte(tr.before))
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		line := &crookedLine{plan: plan, cancel: cancel}
		c := client(t, srv, func(cfg *oss.Config) {
			cfg.Retry.Attempts = 2
			line.next = cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: line}
		})
		u := multipart.NewUploader(c, &multipart.Options{PartSize: 100, Concurrency: 1})
		want := data(tr.size)
		res, err := tr.run(ctx, t, srv, u, want)
		synctest.Wait()
		line.arrive()
		fail := func(what string) {
			t.Errorf("%s: %s\nresult %+v, error %v\n%s", name, what, res, err, strings.Join(line.struck, "\n"))
		}

		obj, there := srv.Object(bucket, key)
		ours := there && bytes.Equal(obj.Data, want)
		switch {
		case err == nil && (!ours || res == nil):
			fail("success without the object")
		case err != nil && ours && !errors.Is(err, multipart.ErrOutcomeUnknown):
			fail("failure with the object")
		case there && !ours && string(obj.Data) != tr.before:
			fail("another object")
		}
		if slots, memory := u.InUse(); slots != 0 || memory != 0 {
			fail(fmt.Sprintf("%d slots and %d bytes are in use", slots, memory))
		}
		if left := untold(srv, res, err); len(left) > 0 && !line.hides() {
			fail(fmt.Sprintf("%v is left and not reported", left))
		}
	})
}

// untold returns the uploads that OSS holds and that neither res nor err names.
func untold(srv *osstest.Server, res *multipart.Result, err error) (left []oss.Upload) {
	var told []oss.Upload
	if res != nil {
		told = append(told, res.Orphans...)
	}
	if ue := (*multipart.UploadError)(nil); errors.As(err, &ue) {
		told = append(told, ue.Orphans...)
		if !ue.Aborted {
			told = append(told, ue.Plan.Upload)
		}
	}
	for _, info := range srv.Uploads() {
		if !slices.Contains(told, info.Upload) {
			left = append(left, info.Upload)
		}
	}
	return left
}

// hides reports whether the line kept from the client what OSS holds: the list of uploads, or that there is this one.
// It did if the last request was a probe that was lost: then nothing else was asked.
func (l *crookedLine) hides() bool {
	if last := len(l.struck) - 1; last >= 0 && strings.HasPrefix(l.struck[last], "HEAD") &&
		(strings.HasSuffix(l.struck[last], ": lost") || strings.HasSuffix(l.struck[last], ": dropped")) {
		return true
	}
	return slices.ContainsFunc(l.struck, func(s string) bool {
		return strings.HasPrefix(s, "GET") && strings.Contains(s, "uploads") || strings.HasSuffix(s, ": 404") ||
			strings.HasSuffix(s, ": garbage") // which also says that an upload is aborted
	})
}
