package interop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A receiver is the server of a user, which OSS calls after an upload.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int // of the answer
	calls  []url.Values
}

// newReceiver starts one. Its answer is a document of the user's own.
func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		form, _ := url.ParseQuery(string(body))
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.calls = append(r.calls, form)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(r.status)
		io.WriteString(w, `{"seen":"`+form.Get("object")+`"}`)
	}))
	t.Cleanup(r.Close)
	return r
}

// refuses makes the receiver answer with an error from now on.
func (r *receiver) refuses() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = http.StatusInternalServerError
}

// called returns what the receiver was told.
func (r *receiver) called() []url.Values {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// notice asks OSS to call r.
func (r *receiver) notice() notice {
	return notice{
		URL: r.URL, Type: "application/x-www-form-urlencoded",
		Body: "bucket=${bucket}&object=${object}&size=${size}&color=${x:color}",
		Vars: map[string]string{"color": "red"},
	}
}

func TestCallbacksAreMadeAndAnswered(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		user := newReceiver(t)
		if got, err := c.putNotified("put", random(1, 10), user.notice()); err != nil || got != `{"seen":"put"}` {
			t.Errorf("put was answered %q, %v", got, err)
		}
		id, parts := begin(t, c, "parts", random(1, partSize), random(2, 1))
		if got, err := c.completeNotified("parts", id, parts, user.notice()); err != nil || got != `{"seen":"parts"}` {
			t.Errorf("complete was answered %q, %v", got, err)
		}
		want := []url.Values{
			{"bucket": {bucket}, "object": {"put"}, "size": {"10"}, "color": {"red"}},
			{"bucket": {bucket}, "object": {"parts"}, "size": {"102401"}, "color": {"red"}},
		}
		if diff := cmp.Diff(want, user.called()); diff != "" {
			t.Errorf("calls differ (-want +got):\n%s", diff)
		}
	})
}

// The object stays when its callback fails, so a client that takes the answer for a failed upload sends it again.
func TestFailedCallbackIsTheClientsOwnError(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		user := newReceiver(t)
		user.refuses()
		m := mistake{name: "put with a callback",
			want: refusal{Status: 203, Code: "CallbackFailed", EC: "0007-00000203"}}
		_, err := c.putNotified("put", random(1, 10), user.notice())
		checkRefusal(t, srv, c, m, err)
		srv.holds(t, "put", random(1, 10), 0)
		m.name = "complete with a callback"
		id, parts := begin(t, c, "parts", random(2, 20))
		_, err = c.completeNotified("parts", id, parts, user.notice())
		checkRefusal(t, srv, c, m, err)
		srv.holds(t, "parts", random(2, 20), 1)
	})
}

func TestSymlinksLeadToTheirTargets(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		srv.PutObject(bucket, odd(c), []byte("there"))
		if err := c.link("link", odd(c)); err != nil {
			t.Fatal(err)
		}
		if target, err := c.target("link"); err != nil || target != odd(c) {
			t.Errorf("target = %q, %v, want %q", target, err, odd(c))
		}
		if data, err := c.get("link"); err != nil || string(data) != "there" {
			t.Errorf("get = %q, %v, want the bytes of the target", data, err)
		}
		_, err := c.target(odd(c))
		checkRefusal(t, srv, c, mistake{
			name: "target of what is no link", want: refusal{Status: 400, Code: "NotSymlink", EC: "0043-00000101"},
		}, err)
		if err := c.remove(odd(c)); err != nil {
			t.Fatal(err)
		}
		_, err = c.get("link")
		checkRefusal(t, srv, c, mistake{
			name: "link that leads nowhere",
			want: refusal{Status: 404, Code: "SymlinkTargetNotExist", EC: "0026-00000012"},
		}, err)
	})
}

func TestArchivedObjectsAreRestored(t *testing.T) {
	everyClient(t, func(t *testing.T, srv *server, c client) {
		if err := c.archive("cold", []byte("ice")); err != nil {
			t.Fatal(err)
		}
		_, err := c.get("cold")
		checkRefusal(t, srv, c, mistake{
			name: "get from the archive", want: refusal{Status: 403, Code: "InvalidObjectState", EC: "0016-00000404"},
		}, err)
		if err := c.restore("cold"); err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, srv, c, mistake{
			name: "restore twice", want: refusal{Status: 409, Code: "RestoreAlreadyInProgress", EC: "0016-00000701"},
		}, c.restore("cold"))
		srv.ahead.Store(int64(2 * time.Minute)) // Archive takes one
		if data, err := c.get("cold"); err != nil || string(data) != "ice" {
			t.Errorf("get of what is restored = %q, %v", data, err)
		}
	})
}
