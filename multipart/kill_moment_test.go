package multipart_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A moment is when something is to happen. Without an op it is some time from now, or at once.
type moment struct {
	op    string // at a request for this operation
	nth   int    // that many come before
	stage stage
	body  int           // bytes of it that have arrived, in stage arriving
	after time.Duration // so much later, in the last two stages
}

// A stage is how far a request has got.
type stage int

const (
	arrived  stage = iota // the server knows of it, and does nothing
	arriving              // its body is half there
	served                // it has taken effect, and no reply was sent
	answered              // the reply was sent
	saving                // the reply was sent, and a record is being written
)

// A line is the real port of a server, where a moment can be caught.
type line struct {
	srv    *osstest.Server
	saving func() bool // whether a record is there or being written

	mu   sync.Mutex
	when *moment
	do   func()
	last map[string]string        // by process, the operation it asked for last
	came map[string]chan struct{} // by process, closed by its first request

	running sync.WaitGroup // requests that are being served
}

func newLine(srv *osstest.Server, saving func() bool) *line {
	return &line{srv: srv, saving: saving, last: make(map[string]string), came: make(map[string]chan struct{})}
}

// arrival returns what is closed when the first request of the named process arrives.
func (l *line) arrival(name string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrivalLocked(name)
}

func (l *line) arrivalLocked(name string) chan struct{} {
	if l.came[name] == nil {
		l.came[name] = make(chan struct{})
	}
	return l.came[name]
}

// arm has do done once, at the moment m. What was armed before is forgotten.
func (l *line) arm(m moment, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.when, l.do = nil, nil
	switch {
	case m.op != "":
		l.when, l.do = &m, do
	case m.after > 0:
		time.AfterFunc(m.after, do)
	default:
		do()
	}
}

// lastOf returns the operation that the named process asked for last, served or not.
func (l *line) lastOf(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[name]
}

// agent returns the name of the process that sent a request.
func agent(h http.Header) string {
	s := h.Get("User-Agent")
	return s[strings.LastIndexByte(s, ' ')+1:]
}

// due reports whether the moment has come with a request for op, and what is to be done.
func (l *line) due(op, name string) (*moment, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, again := l.last[name]; !again {
		close(l.arrivalLocked(name))
	}
	l.last[name] = op
	m, do := l.when, l.do
	if m == nil || m.op != op {
		return nil, nil
	}
	if m.nth > 0 {
		m.nth--
		return nil, nil
	}
	l.when, l.do = nil, nil
	return m, do
}

// ServeHTTP serves as the server does, except at the moment.
func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.running.Add(1)
	defer l.running.Done()
	op := operation(r)
	m, do := l.due(op, agent(r.Header))
	if m == nil {
		l.srv.ServeHTTP(w, r)
		return
	}
	switch m.stage {
	case arrived:
		do()
		drop := l.srv.Inject(osstest.Fault{Op: op, Times: 1, Effect: osstest.Drop()})
		defer drop.Remove()
		l.srv.ServeHTTP(w, r)
	case arriving:
		r.Body = &trigger{ReadCloser: r.Body, left: m.body, do: sync.OnceFunc(do)}
		l.srv.ServeHTTP(w, r)
	case served:
		l.srv.ServeHTTP(&beforeReply{ResponseWriter: w, do: do}, r)
	case answered, saving:
		l.srv.ServeHTTP(w, r)
		http.NewResponseController(w).Flush()
		for m.stage == saving && r.Context().Err() == nil && !l.saving() {
		}
		time.AfterFunc(m.after, do)
	}
}

// operation names the operations that an upload needs; the server's own name comes too late.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "InitiateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodGet && q.Has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodHead:
		return "HeadObject"
	}
	return ""
}

// A trigger does something when so many bytes of a body have been read.
type trigger struct {
	io.ReadCloser
	left int
	do   func()
}

func (t *trigger) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p[:min(len(p), t.left+1)])
	if t.left -= n; t.left <= 0 {
		t.do()
		t.left = len(p)
	}
	return n, err
}

// A beforeReply does something when a reply is about to be sent.
type beforeReply struct {
	http.ResponseWriter
	do func()
}

func (b *beforeReply) WriteHeader(status int) {
	b.do()
	b.ResponseWriter.WriteHeader(status)
}

func (b *beforeReply) Unwrap() http.ResponseWriter { return b.ResponseWriter }
