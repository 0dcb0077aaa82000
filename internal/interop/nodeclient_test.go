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

// nodeClient is the official Node client, in another process.
type nodeClient struct {
	*node
	options map[string]any
}

func newNode(t *testing.T, srv *server, s setup) client { return nodeWith(t, srv, s) }

func nodeWith(t *testing.T, srv *server, s setup) *nodeClient {
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
	return &nodeClient{startedNode(t), options}
}

// A nodeError is an error of the Node client.
type nodeError struct {
	Name, Message, Code, RequestID, EC string
	Status                             int
	Checkpoint                         json.RawMessage
}

// Error names the client, since the rest is its own.
func (e *nodeError) Error() string {
	return fmt.Sprintf("node: %s: %d %s: %s", e.Name, e.Status, e.Code, e.Message)
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
func (c *nodeClient) run(command string, args arguments) (outcome, error) {
	reply, err := c.send(map[string]any{"options": c.options, "command": command, "args": args})
	if err != nil {
		return outcome{}, err
	}
	var doc struct {
		Value outcome
		Error *nodeError
	}
	if err := json.Unmarshal(reply, &doc); err != nil {
		return outcome{}, fmt.Errorf("node: %v in %.200q", err, reply)
	}
	if doc.Error != nil {
		return outcome{}, doc.Error
	}
	return doc.Value, nil
}

func inBase64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func (c *nodeClient) put(key string, data []byte, x extras) error {
	_, err := c.run("put", arguments{"key": key, "data": inBase64(data)}.with(x))
	return err
}

func (c *nodeClient) get(key string) ([]byte, error) {
	res, err := c.run("get", arguments{"key": key})
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(res.Data)
}

func (c *nodeClient) head(key string) (info, error) {
	res, err := c.run("head", arguments{"key": key})
	return info{res.Size, res.ETag, res.Kind, res.Color}, err
}

func (c *nodeClient) remove(key string) error {
	_, err := c.run("remove", arguments{"key": key})
	return err
}

func (c *nodeClient) copy(from, to string) error {
	_, err := c.run("copy", arguments{"from": from, "to": to})
	return err
}

func (c *nodeClient) append(key string, position int64, data []byte) (int64, error) {
	res, err := c.run("append", arguments{"key": key, "position": position, "data": inBase64(data)})
	return res.Position, err
}

func (c *nodeClient) initiate(key string, x extras) (string, error) {
	res, err := c.run("initiate", arguments{"key": key}.with(x))
	return res.ID, err
}

func (c *nodeClient) part(key, id string, number int, data []byte, x extras) (string, error) {
	res, err := c.run("part", arguments{"key": key, "id": id, "number": number, "data": inBase64(data)}.with(x))
	return res.ETag, err
}

func (c *nodeClient) copyPart(key, id string, number int, from string, offset, size int) (string, error) {
	res, err := c.run("copyPart", arguments{"key": key, "id": id, "number": number, "from": from, "offset": offset, "size": size})
	return res.ETag, err
}

func (c *nodeClient) complete(key, id string, parts []part, x extras) error {
	_, err := c.run("complete", arguments{"key": key, "id": id, "parts": parts}.with(x))
	return err
}

func (c *nodeClient) abort(key, id string) error {
	_, err := c.run("abort", arguments{"key": key, "id": id})
	return err
}

func (c *nodeClient) parts(key, id string, page int) ([]part, error) {
	res, err := c.run("parts", arguments{"key": key, "id": id, "page": page})
	return res.Parts, err
}

func (c *nodeClient) uploads(prefix string, page int) ([]upload, error) {
	res, err := c.run("uploads", arguments{"prefix": prefix, "page": page})
	return res.Uploads, err
}

func (c *nodeClient) list(prefix string, page int, v2 bool) ([]string, error) {
	res, err := c.run("list", arguments{"prefix": prefix, "page": page, "v2": v2})
	return res.Keys, err
}

func (c *nodeClient) presign(method, key, id string, number int) (string, http.Header, error) {
	res, err := c.run("presign", arguments{"method": method, "key": key, "id": id, "number": number})
	return res.URL, nil, err
}

func (c *nodeClient) refusal(err error) (refusal, bool) {
	var e *nodeError
	if !errors.As(err, &e) {
		return refusal{}, false
	}
	return refusal{e.Status, e.Code, e.RequestID, e.EC}, true
}
