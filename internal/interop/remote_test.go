package interop

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A remote client is one that a process runs.
type remote struct {
	*process
	traits
	sdk     string // as the process calls it
	options map[string]any
}

func newAliOSS(t *testing.T, srv *server, s setup) client { return nodeWith(t, srv, s) }

// nodeWith makes a client of ali-oss, the official Node client.
func nodeWith(t *testing.T, srv *server, s setup) *remote {
	t.Helper()
	options := map[string]any{
		"region": "oss-" + region, "endpoint": srv.endpoint(s.wiring), "bucket": s.bucket,
		"accessKeyId": osstest.AccessKeyID, "accessKeySecret": s.secret, "authorizationV4": s.v4,
	}
	if !s.hosted {
		// This client puts the bucket into the path only if it is told to, and then not at an IP
		// address: there it sends the Host header of the public endpoint.
		options["endpoint"] = strings.Replace(srv.endpoint(s.wiring), "127.0.0.1", "localhost", 1)
		options["sldEnable"] = true
	}
	return &remote{node.started(t), aliOSSTraits, "ali-oss", options}
}

// newAliyunSDK makes a client of aliyun-sdk.
func newAliyunSDK(t *testing.T, srv *server, s setup) client {
	return &remote{node.started(t), aliyunSDKTraits, "aliyun-sdk", map[string]any{
		"endpoint": srv.endpoint(s.wiring), "bucket": s.bucket,
		"accessKeyId": osstest.AccessKeyID, "secretAccessKey": s.secret,
	}}
}

// newOSSClient makes a client of @alicloud/oss-client. It finds other endpoints than the public ones too if their
// name is that of the bucket and theirs.
func newOSSClient(t *testing.T, srv *server, s setup) client {
	return &remote{node.started(t), ossClientTraits, "oss-client", map[string]any{
		"endpoint": strings.TrimPrefix(srv.endpoint(s.wiring), "http://"), "bucket": s.bucket, "regionId": region,
		"accessKeyId": osstest.AccessKeyID, "accessKeySecret": s.secret, "signatureVersion": "V1",
	}}
}

// newFog makes a client of fog-aliyun. It knows no port, so it has the server for its proxy.
func newFog(t *testing.T, srv *server, s setup) client {
	return &remote{ruby.started(t), fogTraits, "fog-aliyun", map[string]any{
		"endpoint": "http://oss-" + region + ".aliyuncs.com", "proxy": "http://" + srv.addr, "bucket": s.bucket,
		"accessKeyId": osstest.AccessKeyID, "accessKeySecret": s.secret,
	}}
}

// A remoteError is an error of a remote client.
type remoteError struct {
	Name, Message, Code, RequestID, EC string
	Status                             int
	Checkpoint                         json.RawMessage
}

// Error gives what is the client's own.
func (e *remoteError) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", e.Name, e.Status, e.Code, e.Message)
}

// arguments are those of a command; a command takes the ones it knows.
type arguments map[string]any

func (a arguments) with(x extras) arguments {
	a["md5"], a["forbid"], a["kind"], a["color"] = x.md5, x.forbid, x.kind, x.color
	return a
}

// outcome is what commands return; each returns some.
type outcome struct {
	Data, ID, ETag, Kind, Color, URL, MD5, ACL string
	Answer, Target                             string
	Size, Position                             int64
	Parts                                      []part
	Uploads                                    []upload
	Keys                                       []string
	Tags                                       map[string]string
	Versions                                   []version
}

// run runs a command with the options of c.
func (c *remote) run(command string, args arguments) (outcome, error) {
	reply, err := c.send(map[string]any{"sdk": c.sdk, "options": c.options, "command": command, "args": args})
	if err != nil {
		return outcome{}, err
	}
	var doc struct {
		Value outcome
		Error *remoteError
		Lacks string // a command it does not know
	}
	if err := json.Unmarshal(reply, &doc); err != nil {
		return outcome{}, fmt.Errorf("%s: %v in %.200q", c.sdk, err, reply)
	}
	if doc.Lacks != "" {
		return outcome{}, fmt.Errorf("%s has no command %s: the test is not one for it", c.sdk, doc.Lacks)
	}
	if doc.Error != nil {
		return outcome{}, doc.Error
	}
	return doc.Value, nil
}

func inBase64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func (c *remote) put(key string, data []byte, x extras) error {
	_, err := c.run("put", arguments{"key": key, "data": inBase64(data)}.with(x))
	return err
}

func (c *remote) get(key string) ([]byte, error) {
	res, err := c.run("get", arguments{"key": key})
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(res.Data)
}

func (c *remote) head(key string) (info, error) {
	res, err := c.run("head", arguments{"key": key})
	return info{res.Size, res.ETag, res.Kind, res.Color}, err
}

func (c *remote) remove(key string) error {
	_, err := c.run("remove", arguments{"key": key})
	return err
}

func (c *remote) copy(from, to string) error {
	_, err := c.run("copy", arguments{"from": from, "to": to})
	return err
}

func (c *remote) append(key string, position int64, data []byte) (int64, error) {
	res, err := c.run("append", arguments{"key": key, "position": position, "data": inBase64(data)})
	return res.Position, err
}

func (c *remote) initiate(key string, x extras) (string, error) {
	res, err := c.run("initiate", arguments{"key": key}.with(x))
	return res.ID, err
}

func (c *remote) part(key, id string, number int, data []byte, x extras) (string, error) {
	res, err := c.run("part", arguments{"key": key, "id": id, "number": number, "data": inBase64(data)}.with(x))
	return res.ETag, err
}

func (c *remote) copyPart(key, id string, number int, from string, offset, size int) (string, error) {
	res, err := c.run("copyPart",
		arguments{"key": key, "id": id, "number": number, "from": from, "offset": offset, "size": size})
	return res.ETag, err
}

func (c *remote) complete(key, id string, parts []part, x extras) error {
	_, err := c.run("complete", arguments{"key": key, "id": id, "parts": parts}.with(x))
	return err
}

func (c *remote) abort(key, id string) error {
	_, err := c.run("abort", arguments{"key": key, "id": id})
	return err
}

func (c *remote) parts(key, id string, page int) ([]part, error) {
	res, err := c.run("parts", arguments{"key": key, "id": id, "page": page})
	return res.Parts, err
}

func (c *remote) uploads(prefix string, page int) ([]upload, error) {
	res, err := c.run("uploads", arguments{"prefix": prefix, "page": page})
	return res.Uploads, err
}

func (c *remote) list(prefix string, page int, v2 bool) ([]string, error) {
	res, err := c.run("list", arguments{"prefix": prefix, "page": page, "v2": v2})
	return res.Keys, err
}

func (c *remote) presign(method, key, id string, number int) (string, http.Header, error) {
	res, err := c.run("presign", arguments{"method": method, "key": key, "id": id, "number": number})
	return res.URL, nil, err
}

func (c *remote) refusal(err error) (refusal, bool) {
	var e *remoteError
	if !errors.As(err, &e) {
		return refusal{}, false
	}
	return refusal{e.Status, e.Code, e.RequestID, e.EC}, true
}
