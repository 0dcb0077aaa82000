package osstest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// An exchange is a request and the reply to it.
type exchange struct {
	*Server
	target
	opts    *Options // of the Server, unless a Fault set others for this request
	w       http.ResponseWriter
	r       *http.Request
	id      string // of the request
	query   url.Values
	op      *operation
	entry   *Request  // in the log
	arrived time.Time // by the system clock, for x-oss-server-time
	body    *requestBody

	// Set by the effect of a Fault.
	fault        string               // name of the effect, for the Logger
	replacement  *reply               // is sent instead of executing the request
	replyFilters []filter             // applied to the body of the reply
	onReply      []func(*reply) error // run before the reply is sent; they may change it
	flipBit      bool                 // invert a bit of the content that the operation links
	cutAt        int64                // close the connection after this many bytes of the reply; negative is never
}

// A reply is the reply to a request.
type reply struct {
	status   int
	header   http.Header
	body     io.Reader     // nil if there is none; closed if it is an io.Closer
	size     int64         // of body
	document string        // the body, if it is an XML document
	refusal  *refusal      // nil unless the reply is an error of OSS
	object   *store.Object // that was stored, for a callback
	notOSS   bool          // without the headers of OSS, as from a proxy
}

func newReply(status int) *reply { return &reply{status: status, header: make(http.Header)} }

// xmlReply returns a reply with doc as its body.
func xmlReply(status int, doc any) *reply {
	rep := newReply(status)
	text, err := ossxml.Marshal(doc)
	if err != nil {
		panic(err) // every document of this package can be marshaled
	}
	rep.document, rep.body, rep.size = text, strings.NewReader(text), int64(len(text))
	rep.header.Set("Content-Type", "application/xml")
	return rep
}

// ServeHTTP handles a request for OSS. It makes a Server an http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.beginHandler() {
		panic(http.ErrAbortHandler)
	}
	defer s.handlers.running.Done()
	x := &exchange{
		Server: s, target: s.locate(r), opts: &s.opts, w: w, r: r, query: parseQuery(r.URL.RawQuery),
		arrived: time.Now(), cutAt: -1,
	}
	x.op = operationNamed(x.route())
	x.id = s.objects.IDs.RequestID(s.opts.Now())
	x.body = newRequestBody(r.Body)
	x.entry = s.log.add(x)
	defer x.endWithServer()()

	rep, err := x.serve()
	if err == nil {
		err = x.finish(rep)
	}
	if err != nil {
		x.cut()
	}
}

// endWithServer makes reads from and writes to the client fail once the Server is closed, so that the handler ends even
// if the connection belongs to another http.Server. The caller must call the returned function before the handler
// returns.
func (x *exchange) endWithServer() func() {
	control := http.NewResponseController(x.w)
	done := make(chan struct{})
	stop := context.AfterFunc(x.closing, func() {
		defer close(done)
		past := time.Unix(1, 0)
		control.SetReadDeadline(past) // fails for the http.ResponseWriters of tests, which need no deadline
		control.SetWriteDeadline(past)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// serve returns the reply to the request. Its only error is errCut, which means that no reply is sent.
func (x *exchange) serve() (*reply, error) {
	rep, err := x.run()
	var refused *refusal
	if errors.As(err, &refused) {
		return refused.reply(x), nil
	}
	if err == nil || errors.Is(err, errCut) {
		return rep, err
	}
	x.opts.Logger.ErrorContext(x.r.Context(), "osstest: "+err.Error(), x.attributes()...)
	return internalError().reply(x), nil
}

// run applies a Fault, because network errors come before those of a server, makes the checks in the order in which OSS
// seems to make them, and executes the operation.
func (x *exchange) run() (*reply, error) {
	if effect := x.faults.next(x); effect != nil {
		x.fault = fmt.Sprint(effect)
		if err := effect.apply(x); err != nil {
			return nil, err
		}
	}
	if x.replacement != nil {
		return x.replacement, nil
	}
	if x.refusal != nil {
		return nil, x.refusal
	}
	if x.bucket != "" {
		if err := x.checkBucket(x.bucket); err != nil && !x.createsBucket(err) {
			return nil, err
		}
	}
	if err := x.checkRequester(); err != nil {
		return nil, err
	}
	if x.key != "" {
		check := checkKey
		if x.op.access == readAccess {
			check = checkReadKey
		}
		if err := check(x.key); err != nil {
			return nil, err
		}
	}
	if x.op.name != "OptionObject" && x.op.name != "PostObject" { // the later request has them, or the form
		if err := x.checkCommon(); err != nil {
			return nil, err
		}
	}
	rep, err := x.op.run(x)
	if err == nil && x.op.name == "AbortMultipartUpload" {
		x.faults.redeliveries.markAborted(x.entry.UploadID)
	}
	return rep, err
}

// checkRequester checks that the request is signed and permitted. A preflight request has no signature, and that of a
// form is one of its fields.
func (x *exchange) checkRequester() error {
	if x.op.name == "OptionObject" || x.op.name == "PostObject" {
		return nil
	}
	for _, check := range []func() error{x.checkToken, x.authenticate, x.checkPayer} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// finish sends rep. It writes the log first, so that a client with the reply finds the request there.
func (x *exchange) finish(rep *reply) error {
	if c, ok := rep.body.(io.Closer); ok {
		defer c.Close()
	}
	if err := x.drain(); err != nil {
		return err
	}
	if !rep.notOSS {
		x.setCORS(rep.header)
	}
	var cut error
	for _, f := range x.onReply { // all of them, because a part whose reply is lost can be redelivered
		cut = cmp.Or(f(rep), cut)
	}
	if cut != nil {
		return cut
	}
	if x.cutAt >= 0 {
		return x.sendStart(rep)
	}
	x.record(rep)
	if !x.body.complete(x.r.ContentLength) {
		defer x.hangUp()()
	}
	body := x.setHeader(x.w.Header(), rep)
	x.w.WriteHeader(rep.status)
	if body == nil {
		return nil
	}
	if _, err := io.Copy(flushWriter{x}, body); err != nil {
		// The client gets what was sent so far before the connection is closed.
		http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	}
	return nil
}

// setHeader sets the headers of rep in h, with names as OSS spells them, and returns the body, nil if there is none.
// The names in rep.header are canonical; net/http writes the keys of h as they are.
func (x *exchange) setHeader(h http.Header, rep *reply) io.Reader {
	for name, values := range rep.header {
		h[wireName(name)] = values
	}
	if !rep.notOSS {
		h["Server"] = []string{"AliyunOSS"}
		h["Date"] = []string{x.opts.Now().UTC().Format(http.TimeFormat)}
		h["x-oss-request-id"] = []string{x.id}
		if rep.refusal == nil || !rep.refusal.noServerTime {
			h["x-oss-server-time"] = []string{strconv.FormatInt(time.Since(x.arrived).Milliseconds(), 10)}
		}
	}
	bodyless := x.r.Method == http.MethodHead ||
		rep.status == http.StatusNoContent || rep.status == http.StatusNotModified
	if rep.body == nil || bodyless {
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(rep.size, 10))
	body := rep.body
	for _, f := range x.replyFilters {
		body = f(x, body)
	}
	return body
}

// A flushWriter flushes every write if there are filters, so that a slow reply arrives gradually.
type flushWriter struct{ x *exchange }

func (f flushWriter) Write(p []byte) (int, error) {
	n, err := f.x.w.Write(p)
	if err == nil && len(f.x.replyFilters) > 0 {
		err = http.NewResponseController(f.x.w).Flush()
		if errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return n, err
}

// record adds the outcome to the entry in the log, and logs a record with the context of the request; rep is nil if no
// reply is sent. A handler in front of the Server can recognize the request by that context.
func (x *exchange) record(rep *reply) {
	x.log.finish(x.entry, rep, x.body.arrived())
	status, code := 0, ""
	if rep != nil {
		status = rep.status
		if rep.refusal != nil {
			code = string(rep.refusal.code)
		}
	}
	x.opts.Logger.DebugContext(x.r.Context(), "osstest: request", append(x.attributes(),
		slog.Int("status", status), slog.String("code", code), slog.String("fault", x.fault),
		slog.Int64("size", x.body.arrived()), slog.Duration("duration", time.Since(x.arrived)))...)
}

// attributes returns the attributes of the request for the Logger.
func (x *exchange) attributes() []any {
	return []any{
		slog.String("op", x.entry.Op), slog.String("method", x.r.Method), slog.String("bucket", x.bucket),
		slog.String("key", x.key), slog.Int("part", x.entry.PartNumber), slog.String("request_id", x.id),
	}
}
