package osstest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// Limits of a callback.
//
// See https://help.aliyun.com/en/oss/developer-reference/callback
const (
	callbackTime  = 5 * time.Second // for the response of each URL
	callbackLimit = 5 << 10         // bytes of each parameter, in base64
	callbackReply = 1 << 20         // bytes of the response; another page of the documentation says 3 MB
	callbackURLs  = 5
)

// A callback is the request that an upload asks OSS to send.
type callback struct {
	urls      []*url.URL
	host      string // instead of that of the URL; empty leaves it
	body      string // with variables
	kind      string // its Content-Type
	variables map[string]string
}

// Content types of a callback.
const (
	callbackForm = "application/x-www-form-urlencoded"
	callbackJSON = "application/json"
)

// withCallback returns an operation that sends the callback of a request after executing it.
func withCallback(run func(*exchange) (*reply, error)) func(*exchange) (*reply, error) {
	return func(x *exchange) (*reply, error) {
		c, err := x.callback()
		if err != nil {
			return nil, err
		}
		rep, err := run(x)
		if err != nil || c == nil {
			return rep, err
		}
		return x.makeCallback(c, rep)
	}
}

// makesCallback reports whether an operation sends callbacks. Others ignore the parameters, because clients send them
// with every request of an upload.
func (op *operation) makesCallback() bool {
	return op.name == "PutObject" || op.name == "PostObject" || op.name == "CompleteMultipartUpload"
}

// checkCallback refuses a callback that would not be sent.
func (x *exchange) checkCallback() error {
	if !x.op.makesCallback() {
		return nil
	}
	for _, name := range []string{"callback", "callback-var"} {
		possible := x.opts.Callbacks != nil
		header, param := x.r.Header.Get("x-oss-"+name), x.query.Get(name)
		switch {
		case header+param == "" || possible && (header == "" || param == ""):
		case possible:
			return invalidArgument("", "The "+name+" must be in the header or in the query, not in both.", name, header)
		case header != "":
			return notImplemented("x-oss-" + name)
		default:
			return notImplemented(name)
		}
	}
	return nil
}

// callback parses x-oss-callback and x-oss-callback-var, or the query parameters instead of them. It returns nil if
// there is no callback.
func (x *exchange) callback() (*callback, error) {
	var spec struct {
		URL  string `json:"callbackUrl"`
		Host string `json:"callbackHost"`
		Body string `json:"callbackBody"`
		Type string `json:"callbackBodyType"`
		SNI  any    `json:"callbackSNI"` // ignored
	}
	given, err := x.callbackParam("callback", &spec)
	if err != nil || !given {
		return nil, err
	}
	bad := func(message string) (*callback, error) {
		return nil, invalidArgument("", "The callback configuration is invalid: "+message, "callback", "")
	}
	c := &callback{host: spec.Host, body: spec.Body, kind: cmp.Or(spec.Type, callbackForm)}
	if _, err := x.callbackParam("callback-var", &c.variables); err != nil {
		return nil, err
	}
	for name := range c.variables {
		if !strings.HasPrefix(name, "x:") || name != strings.ToLower(name) {
			return bad("the name of a variable must begin with x: and be in lower case.")
		}
	}
	if spec.Body == "" {
		return bad("the callbackBody is empty.")
	}
	if c.kind != callbackForm && c.kind != callbackJSON {
		return bad("the callbackBodyType is not supported.")
	}
	for text := range strings.SplitSeq(spec.URL, ";") {
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return bad("the callbackUrl is not valid.")
		}
		if isPrivate(u.Hostname()) {
			return bad("the callbackUrl is a private address.")
		}
		c.urls = append(c.urls, u)
	}
	if len(c.urls) > callbackURLs {
		return bad("there are more than five addresses in callbackUrl.")
	}
	return c, nil
}

// callbackParam decodes a parameter, which is base64 of JSON.
func (x *exchange) callbackParam(name string, v any) (given bool, _ error) {
	value := x.r.Header.Get("x-oss-"+name) + x.query.Get(name) // at most one of them is set
	if value == "" {
		return false, nil
	}
	if len(value) > callbackLimit {
		return true, invalidArgument("", "The "+name+" configuration is longer than 5 KB.", name, "")
	}
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return true, invalidArgument("", "The "+name+" configuration is not base64 encoded.", name, value)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return true, invalidArgument("", "The "+name+" configuration is not json format.", name, value)
	}
	return true, nil
}

// makeCallback requests the URLs in turn until one responds as it should, and replies with that response. Otherwise the
// reply is CallbackFailed; the object stays.
func (x *exchange) makeCallback(c *callback, done *reply) (*reply, error) {
	var problem string
	for _, u := range c.urls {
		var said []byte
		if said, problem = x.callURL(c, u, done.object); problem == "" {
			rep := newReply(http.StatusOK)
			maps.Copy(rep.header, done.header)
			rep.header.Set("Content-Type", callbackJSON)
			rep.body, rep.size, rep.object = bytes.NewReader(said), int64(len(said)), done.object
			return rep, nil
		}
		if x.closing.Err() != nil {
			return nil, errCut
		}
	}
	rep := refuse(http.StatusNonAuthoritativeInfo, oss.ErrCallbackFailed, "0007-00000203", problem).reply(x)
	for name, values := range done.header {
		if rep.header.Get(name) == "" {
			rep.header[name] = values
		}
	}
	return rep, nil
}

// callbackUnreachable is the message of OSS for a URL that cannot be connected to.
const callbackUnreachable = "Error status : -1. OSS can not connect to your callbackUrl, please check it."

// callURL sends a callback to one URL. It returns the response, or the message of OSS for a failure. The callback is
// not signed, because only OSS has the key for that.
func (x *exchange) callURL(c *callback, u *url.URL, o *store.Object) (said []byte, problem string) {
	if !isLoopback(u.Hostname()) {
		return nil, fmt.Sprintf("Error status : -1. %s is not on loopback, and no other address is called.", u.Host)
	}
	ctx, cancel := context.WithTimeout(x.closing, callbackTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(c.fill(x, o)))
	if err != nil {
		return nil, callbackUnreachable
	}
	req.Host = cmp.Or(c.host, req.Host)
	for name, value := range map[string]string{
		"Content-Type": c.kind, "User-Agent": "http-client/0.0.1", "x-oss-bucket": o.Bucket, "x-oss-owner": ownerID,
		"x-oss-request-id": x.id, "x-oss-tag": "CALLBACK",
	} {
		req.Header.Set(name, value)
	}
	client := *x.opts.Callbacks
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, callbackProblem(ctx, u)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Sprintf("Error status : %d.", resp.StatusCode)
	}
	said, err = io.ReadAll(io.LimitReader(resp.Body, callbackReply+1))
	switch {
	case err != nil:
		return nil, callbackProblem(ctx, u)
	case resp.ContentLength < 0:
		return nil, "Response header has no Content-Length."
	case len(said) > callbackReply:
		return nil, "Response body is too large."
	case !json.Valid(said):
		return nil, "Response body is not valid json format."
	}
	return said, ""
}

// callbackProblem returns the message for a server that is too slow, or cannot be reached.
func callbackProblem(ctx context.Context, u *url.URL) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("Error status : -1. %s reply timeout, cost:5000ms, timeout:5000ms.", u.Host)
	}
	return callbackUnreachable
}

// isLoopback reports whether a host is on loopback, without name resolution.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// isPrivate reports whether a host is an address that OSS refuses in callbacks. OSS refuses loopback addresses too, but
// they are the only ones that a Server requests.
func isPrivate(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && !addr.IsLoopback() && (addr.IsPrivate() || !addr.IsGlobalUnicast())
}

// fill returns the body with its variables replaced. Values are escaped in a form, and in JSON quoted unless the body
// has the quotes.
func (c *callback) fill(x *exchange, o *store.Object) string {
	var b strings.Builder
	for rest := c.body; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		name, after, closed := strings.Cut(after, "}")
		if !found || !closed {
			b.WriteString(rest[len(before):])
			break
		}
		value, number := c.variable(name, x, o)
		quoted := strings.HasSuffix(before, `"`) && strings.HasPrefix(after, `"`)
		switch {
		case c.kind == callbackForm:
			value = escape(value, "")
		case !number || value == "":
			text, _ := json.Marshal(value) // a string can always be marshaled
			value = string(text)
			if quoted {
				value = value[1 : len(value)-1]
			}
		}
		b.WriteString(value)
		rest = after
	}
	return b.String()
}

// variable returns the value of a variable, "" if it is unknown, and whether it is a number.
func (c *callback) variable(name string, x *exchange, o *store.Object) (value string, number bool) {
	switch name {
	case "bucket":
		return o.Bucket, false
	case "object":
		return o.Key, false
	case "etag":
		return unquote(o.ETag), false
	case "size":
		return strconv.FormatInt(o.Size, 10), true
	case "mimeType":
		return cmp.Or(o.Header.Get("Content-Type"), "application/octet-stream"), false
	case "crc64":
		return strconv.FormatUint(o.CRC64, 10), false
	case "contentMd5":
		return base64.StdEncoding.EncodeToString(o.MD5), false
	case "reqId":
		return x.id, false
	case "operation":
		return x.op.name, false
	case "clientIp":
		host, _, _ := net.SplitHostPort(x.r.RemoteAddr)
		return host, false
	}
	return c.variables[name], false
}
