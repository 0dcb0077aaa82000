package interop

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestNodeUploadsAndDownloadsFilesAndStreams(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := nodeWith(t, srv, s), random(1, 7*partSize+5)
		from := file(t, data)
		if _, err := c.run("multipartUpload",
			arguments{"key": oddKey, "file": from, "partSize": partSize, "parallel": 3}); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, oddKey, data, 8)
		if _, err := c.run("putStream", arguments{"key": "stream", "file": from}); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "stream", data, 0)
		if r := srv.Requests("PutObject"); len(r) != 1 || r[0].Header.Get("Content-Length") != "" {
			t.Errorf("putStream sent %d requests, want one in chunks", len(r))
		}
		if _, err := c.run("multipartCopy",
			arguments{"key": "copy", "from": oddKey, "partSize": partSize}); err != nil {
			t.Fatal(err)
		}
		srv.holds(t, "copy", data, 8)
		res, err := c.run("getStream", arguments{"key": "stream"})
		sum := md5.Sum(data)
		if want := hex.EncodeToString(sum[:]); err != nil || res.MD5 != want {
			t.Errorf("getStream = %s, %v, want bytes with MD5 %s", res.MD5, err, want)
		}
	})
}

func TestNodeResumesFromACheckpoint(t *testing.T) {
	everyWiring(t, func(t *testing.T, srv *server, s setup) {
		c, data := nodeWith(t, srv, s), random(1, 5*partSize+5)
		args := arguments{"key": oddKey, "file": file(t, data), "partSize": partSize, "parallel": 1}
		fault := srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 4, Effect: osstest.Drop()})
		_, err := c.run("multipartUpload", args)
		var failed *remoteError
		if !errors.As(err, &failed) || fault.Fired() == 0 {
			t.Fatalf("upload: %v after %d cut connections", err, fault.Fired())
		}
		fault.Remove()
		var checkpoint struct{ DoneParts []any }
		if err := json.Unmarshal(failed.Checkpoint, &checkpoint); err != nil || len(checkpoint.DoneParts) != 3 {
			t.Fatalf("checkpoint %s, want one with three parts", failed.Checkpoint)
		}
		sent := len(srv.Requests("UploadPart"))
		args["checkpoint"] = failed.Checkpoint
		if _, err := c.run("multipartUpload", args); err != nil {
			t.Fatal(err)
		}
		if again := len(srv.Requests("UploadPart")) - sent; again != 3 {
			t.Errorf("resuming sent %d parts, want the 3 that were missing", again)
		}
		srv.holds(t, oddKey, data, 6)
	})
}

// At an IP address this client sends a path without the bucket, and the Host of the public endpoint.
func TestNodeFindsTheBucketAtAnIPAddress(t *testing.T) {
	for _, v4 := range []bool{false, true} {
		w := wiring{v4: v4, hosted: true}
		t.Run(w.String(), func(t *testing.T) {
			srv := newServer(t)
			c := nodeWith(t, srv, good(w))
			c.options["endpoint"] = "http://" + srv.addr
			if err := c.put(oddKey, []byte("x"), extras{}); err != nil {
				t.Fatal(err)
			}
			srv.holds(t, oddKey, []byte("x"), 0)
			if host := srv.last(t).Host; !strings.HasSuffix(host, ".aliyuncs.com") {
				t.Errorf("Host is %s: this is no longer what the client does", host)
			}
			srv.checkWiring(t, w)
		})
	}
}
