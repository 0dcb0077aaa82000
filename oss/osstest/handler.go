package osstest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/memnet"
	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// An exchange is one request on its way through the Server, and the reply to it.
type exchange struct {
	*Server
	target
	opts    *Options // the Server's, unless a Fault has others for this request
	w       http.ResponseWriter
	r       *http.Request
	id      string // of the request
	query   url.Values
	op      *operation
	entry   *Request  // in the log
	arrived time.Time // by the machine's clock, for x-oss-server-time
	body    *requestBody

	// What a Fault has asked for.
	fault        string               // its Effect, for the Logger
	replacement  *reply               // sent without looking at the request any further
	replyFilters []filter             // through which the body of the reply goes
	onReply      []func(*reply) error // run when the work is done, before the reply is sent, which they may change
	flipBit      bool                 // damage what the operation puts together
	cutAt        int64                // cut the connection after this many bytes of the reply; negative: never
}

// A reply is what a request is answered with.
type reply struct {
	status   int
	header   http.Header
	body     io.Reader     // nil if there is none; closed if it can be
	size     int64         // of body
	document string        // the body, if it is one
	refusal  *refusal      // what the reply says no to, nil if it does not
	object   *store.Object // by PutObject and CompleteMultipartUpload, for a callback
	notOSS   bool          // somebody else's: without the headers of OSS
}

func newReply(status int) *reply { return &reply{status: status, header: make(http.Header)} }

// xmlReply returns a reply with a document.
func xmlReply(status int, doc any) *reply {
	rep := newReply(status)
	text, err := ossxml.Marshal(doc)
	if err != nil {
		panic(err) // the documents are ours, and can all be written
	}
	rep.document, rep.body, rep.size = text, strings.NewReader(text), int64(len(text))
	rep.header.Set("Content-Type", "application/xml")
	return rep
}

// ServeHTTP makes a Server an http.Handler.
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

// endWithServer makes reading from and writing to the client fail once the Server closes: a
// handler that waits for bytes ends also if the connection belongs to somebody else's http.Server.
// The function it returns must be called before the handler returns.
func (x *exchange) endWithServer() func() {
	control := http.NewResponseController(x.w)
	done := make(chan struct{})
	stop := context.AfterFunc(x.closing, func() {
		defer close(done)
		past := time.Unix(1, 0)
		control.SetReadDeadline(past) // not every http.ResponseWriter can; those of tests need not
		control.SetWriteDeadline(past)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// serve does the work: a fault first, as networks come before servers, then the checks in the order
// OSS seems to make them, then the operation. The error is one that leaves nothing to be answered.
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
	if x.op.name != "OptionObject" && x.op.name != "PostObject" { // the request to come has them, or the form
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

// checkRequester makes sure that the request is signed, by somebody who may make it. A preflight is by
// nobody, and a form has the signature within.
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

// finish sends rep. The log is written first, so that whoever has the reply finds it there.
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
	for _, f := range x.onReply { // all of them: a reply that is lost can still be late, and its part come again
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
		// The client gets what was sent so far, and then the end of the connection.
		http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	}
	return nil
}

// setHeader sets the headers of rep, spelled as OSS spells them, and returns the body that follows them,
// nil if none does. Up to here the names of rep.header are canonical; net/http writes the keys of h as they are.
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
	bodyless := x.r.Method == http.MethodHead || rep.status == http.StatusNoContent || rep.status == http.StatusNotModified
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

// lingerTime is how long an http.Server waits for the rest of a body that no operation reads.
const lingerTime = 500 * time.Millisecond

// hangUp makes the reply the last one on a connection on which the rest of the request may still be
// arriving. net/http would close it only after half a second, so that a client over TCP, which loses
// replies to a reset, has time to read; it does not if it finds no body that was left unread. On our own
// network nobody needs that time. The function that hangUp returns must be called when the reply is written.
//
// net/http reads the rest of a short body before it sends the reply, and again behind the reply. A GET has none
// that must be read, so the reply goes first and the reading is bounded.
func (x *exchange) hangUp() func() {
	if c := connOf(x.r); c != nil {
		c.DiscardInput()
		x.r.Body = http.NoBody
		x.w.Header().Set("Connection", "close")
		return func() {}
	}
	if !x.ignoresBody() {
		return func() {}
	}
	control := http.NewResponseController(x.w)
	control.EnableFullDuplex() // fails on HTTP/2, which does so anyway, and in tests without a connection
	x.w.Header().Set("Connection", "close")
	return func() {
		control.Flush()
		control.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// sendStart sends the first cutAt bytes of a reply, its head included, and then ends the connection.
// The log has no status for a reply that the client cannot have in whole.
func (x *exchange) sendStart(rep *reply) error {
	header := http.Header{"Connection": {"close"}} // so that a whole reply strikes no later request
	body, size := x.setHeader(header, rep), rep.size
	if body == nil {
		body, size = http.NoBody, 0
		if header.Get("Content-Length") == "" && rep.status != http.StatusNoContent && rep.status != http.StatusNotModified {
			header.Set("Content-Length", "0")
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", rep.status, http.StatusText(rep.status))
	header.Write(&head)
	head.WriteString("\r\n")
	if x.cutAt < int64(head.Len())+size {
		x.record(nil)
	} else {
		x.record(rep)
	}
	nc, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(x.closing, func() { nc.Close(); close(closed) }) // which ends a Write that waits
	io.Copy(nc, io.LimitReader(io.MultiReader(&head, body), x.cutAt))          // a client that is gone is no news
	nc.Close()                                                                 // not reset: what was sent is to be read
	if !stop() {
		<-closed
	}
	return nil
}

// flushWriter sends at once what a filter lets through, if there is one: a slow reply is to be seen moving.
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

// ignoresBody reports whether no operation reads a body that comes with this method.
func (x *exchange) ignoresBody() bool {
	return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
}

// drainLimit is how much of a body is read that nobody wants.
const drainLimit = 64 << 20

// drain reads what is left of the request's body, so that a client that is still writing gets the
// reply: over TCP an early one can be lost to a reset. A client that waits for "100 Continue" is
// not asked for its body, and what is very long is left, as a server does that refuses it. The body of a GET
// may never come, though its length was announced.
func (x *exchange) drain() error {
	waits := x.r.Header.Get("Expect") != "" && x.body.arrived() == 0
	if waits || x.ignoresBody() || x.r.ContentLength-x.body.arrived() > drainLimit {
		return nil
	}
	if _, err := io.CopyN(io.Discard, x.body, drainLimit); errors.Is(err, errCut) {
		return err
	}
	return nil
}

// wait waits for d, or for ever if d is negative. It fails when the client gives up or the Server
// closes. A server notices a client that is gone only once it has read the whole body.
func (x *exchange) wait(d time.Duration) error {
	var elapsed <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		elapsed = timer.C
	}
	var gone <-chan struct{}
	if c := connOf(x.r); c != nil {
		gone = c.PeerClosed()
	}
	select {
	case <-elapsed:
		return nil
	case <-gone:
	case <-x.r.Context().Done():
	case <-x.closing.Done():
	}
	return errCut
}

// cut ends the connection without a reply, as abruptly as it allows.
func (x *exchange) cut() {
	x.record(nil)
	nc, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil { // HTTP/2, or no connection at all
		panic(http.ErrAbortHandler)
	}
	switch c := nc.(type) {
	case *memnet.Conn:
		c.Reset()
	case *net.TCPConn:
		c.SetLinger(0) // Close sends RST
	case interface{ NetConn() net.Conn }: // TLS
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
	nc.Close()
}

// record completes the entry in the log, and writes the line of a Logger; rep is nil if no reply is sent.
// The line comes with the context of the request, by which a handler in front of the Server knows it again.
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

// attributes describe the request to a Logger.
func (x *exchange) attributes() []any {
	return []any{
		slog.String("op", x.entry.Op), slog.String("method", x.r.Method), slog.String("bucket", x.bucket),
		slog.String("key", x.key), slog.Int("part", x.entry.PartNumber), slog.String("request_id", x.id),
	}
}
