package osstest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A server that answers in the middle of a body is heard, although the rest is not read, over
// every kind of connection, and however much the client has left to say.
func TestAnswersInTheMiddleOfABodyAreRead(t *testing.T) {
	srv := start(t, nil)
	real := httptest.NewServer(srv)
	defer real.Close()
	for name, host := range map[string]string{"memory": "10.0.0.1", "TCP": strings.TrimPrefix(real.URL, "http://")} {
		for _, size := range []int{0, 1, 1000, 1 << 20, 8 << 20} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				srv.Inject(osstest.Fault{Times: 1, Effect: osstest.FailAfter(1000, 500, "InternalError")})
				c := putKey
				c.body = strings.Repeat("x", size)
				req := c.request(t)
				req.URL.Scheme, req.URL.Host, req.Host = "http", host, ""
				req.URL.Path, req.URL.RawPath = "/bucket/key", ""
				client := srv.HTTPClient()
				if name == "TCP" {
					client = real.Client()
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if doc, err := io.ReadAll(resp.Body); resp.StatusCode != 500 || err != nil ||
					!strings.Contains(string(doc), "InternalError") {
					t.Errorf("got %d, %q, %v", resp.StatusCode, doc, err)
				}
				all := srv.Requests()
				if r := all[len(all)-1]; r.Size != int64(min(size, 1000)) || r.StatusCode != 500 {
					t.Errorf("request has status %d and %d bytes", r.StatusCode, r.Size)
				}
				if _, ok := srv.Object("bucket", "key"); ok {
					t.Error("the object was stored")
				}
			})
		}
	}
}

// It is in a bubble because a reply tells how long it took, in as many digits as that has.
func TestRepliesAreCutAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, nil)
		srv.PutObject("bucket", "source", []byte("content"))
		whole := func(n int64, c call) (string, error) {
			srv.Inject(osstest.Fault{Times: 1, Effect: osstest.CutReply(n)})
			resp, err := srv.HTTPClient().Do(c.request(t))
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return string(body), err
		}
		get := call{method: "GET", key: "source"}
		var complete int64
		for n := int64(0); ; n++ {
			body, err := whole(n, get)
			all := srv.Requests("GetObject")
			status := all[len(all)-1].StatusCode
			if err == nil {
				if body != "content" || status != 200 {
					t.Errorf("after %d bytes: %q, status %d", n, body, status)
				}
				complete = n
				break
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) &&
				!strings.Contains(err.Error(), "malformed") || status != 0 {
				t.Fatalf("after %d bytes: %v, status %d", n, err, status)
			}
			if n > 1000 {
				t.Fatal("the reply is never whole")
			}
		}
		if body, err := whole(complete-4, get); body != "con" || err != io.ErrUnexpectedEOF {
			t.Errorf("four bytes short: %q, %v", body, err)
		}
		if _, err := whole(30, putKey); err == nil {
			t.Error("half a head is a reply")
		}
		if o, _ := srv.Object("bucket", "key"); string(o.Data) != "content" {
			t.Errorf("object = %q, want that of the PUT whose reply was cut", o.Data)
		}
		for _, c := range []call{{method: "HEAD", key: "source"}, {method: "HEAD", key: "source", query: "objectMeta"},
			{method: "DELETE", key: "source"}} {
			if body, err := whole(1<<20, c); body != "" || err != nil {
				t.Errorf("%s of a whole reply: %q, %v", c.method, body, err)
			}
		}
	})
}

func TestRepliesAreCutOverTCP(t *testing.T) {
	srv := start(t, nil)
	real := httptest.NewServer(srv)
	defer real.Close()
	srv.PutObject("bucket", "key", []byte("content"))
	srv.Inject(osstest.Fault{Effect: osstest.CutReply(3)})
	if resp, err := real.Client().Get(real.URL + "/bucket/key"); err == nil {
		resp.Body.Close()
		t.Error("over TCP the reply is whole")
	}
}

func TestShortRepliesLookWhole(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("content"))
	id := initiate(t, srv, nil)
	i := srv.Inject(osstest.Fault{Effect: osstest.ShortReply(5)})
	for _, tt := range []struct {
		c    call
		want string
	}{
		{call{method: "GET", key: "key"}, "conte"},
		{call{method: "GET", key: "key", header: map[string]string{"Range": "bytes=0-3"}}, "cont"},
		{call{method: "GET", key: "key", query: "uploadId=" + id}, "<?xml"},
		{call{method: "GET", query: "uploads"}, "<?xml"},
	} {
		got := send(t, srv, tt.c)
		if got.body != tt.want || got.header.Get("Content-Length") != fmt.Sprint(len(tt.want)) {
			t.Errorf("%s: %q, %v", tt.c.query, got.body, got.header)
		}
	}
	if i.Fired() != 4 {
		t.Errorf("fired %d times", i.Fired())
	}
	if _, err := srv.Client().ListParts(t.Context(), oss.Upload{Bucket: "bucket", Key: "key", ID: id},
		nil); err == nil {
		t.Error("a client takes half a list for a list")
	}
}

func TestWrongSumsAreOnlyInTheReply(t *testing.T) {
	tests := []struct {
		name   string
		effect osstest.Effect
		header string
	}{
		{"ETag", osstest.WrongETag(), "ETag"},
		{"CRC-64", osstest.WrongCRC64(), "x-oss-hash-crc64ecma"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := start(t, nil)
			id := initiate(t, srv, nil)
			right := put(t, srv, id, 1, "content")
			srv.PutObject("bucket", "key", []byte("content"))
			truth := send(t, srv, call{method: "HEAD", key: "key"}).header.Get(tt.header)
			i := srv.Inject(osstest.Fault{Effect: tt.effect})
			wrong := ""
			for _, c := range []call{
				putKey,
				{method: "PUT", key: "key", query: "partNumber=2&uploadId=" + id, body: "content"},
				{method: "GET", key: "key"},
				{method: "HEAD", key: "key"},
				{method: "HEAD", key: "key", query: "objectMeta"},
				{method: "PUT", key: "key", header: map[string]string{"x-oss-copy-source": "/bucket/key"}},
			} {
				got := send(t, srv, c).header.Get(tt.header)
				if got == truth || got == "" || wrong != "" && got != wrong {
					t.Errorf("%s %s: %s is %s, in truth %s, elsewhere %s", c.method, c.query,
						tt.header, got, truth, wrong)
				}
				wrong = got
			}
			list := send(t, srv, call{method: "GET", key: "key", query: "uploadId=" + id}).body
			if strings.Contains(list, strings.Trim(truth, `"`)) || strings.Count(list, strings.Trim(wrong, `"`)) != 2 {
				t.Errorf("list of parts has not %s twice: %s", wrong, list)
			}
			told := complete(t, srv, id, nil, 1, right)
			i.Remove()
			got := send(t, srv, call{method: "HEAD", key: "key"}).header.Get(tt.header)
			if told.status != 200 || told.header.Get(tt.header) == got || strings.Contains(told.body, got) {
				t.Errorf("complete: %v %v %s, and the object has %s", told, told.header, told.body, got)
			}
		})
	}
}

// A wrong ETag beside the right CRC-64 is no damage: gateways and some kinds of encryption have ETags of their own
// (BR40).
func TestClientsGoByTheCRC64BeforeTheETag(t *testing.T) {
	for _, tt := range []struct {
		effect   osstest.Effect
		checksum oss.Checksum
		damaged  bool
	}{
		{osstest.WrongETag(), oss.ChecksumMD5, false},
		{osstest.WrongETag(), oss.ChecksumCRC64, false},
		{osstest.WrongCRC64(), oss.ChecksumMD5, true},
		{osstest.WrongCRC64(), oss.ChecksumCRC64, true},
	} {
		srv := start(t, nil)
		srv.Inject(osstest.Fault{Effect: tt.effect})
		opts := &oss.ObjectOptions{Checksum: tt.checksum}
		_, err := srv.Client().PutObject(t.Context(), "bucket", "key", strings.NewReader("content"), opts)
		var damaged *oss.ChecksumError
		if errors.As(err, &damaged) != tt.damaged || !tt.damaged && err != nil {
			t.Errorf("%v with checksum %d: error = %v, want damage: %t", tt.effect, tt.checksum, err, tt.damaged)
		}
	}
}

func TestProxiesAnswerWithoutOSS(t *testing.T) {
	srv := start(t, nil)
	for _, tt := range []struct {
		status int
		html   string
	}{{502, "<html>bad gateway</html>"}, {503, ""}, {200, "<html>please log in</html>"}, {204, ""}} {
		i := srv.Inject(osstest.Fault{Effect: osstest.ProxyReply(tt.status, tt.html)})
		for _, method := range []string{"PUT", "GET", "HEAD", "POST", "DELETE"} {
			resp, err := srv.HTTPClient().Do(call{method: method, key: "key", query: "uploadId=1"}.request(t))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			want := tt.html
			if method == "HEAD" {
				want = ""
			}
			if resp.StatusCode != tt.status || string(body) != want || err != nil {
				t.Errorf("%s: %d %q, %v", method, resp.StatusCode, body, err)
			}
			for name := range resp.Header {
				if strings.HasPrefix(name, "X-Oss-") || name == "Server" {
					t.Errorf("%s %d has the header %s", method, tt.status, name)
				}
			}
		}
		if all := srv.Requests(); all[len(all)-1].StatusCode != tt.status {
			t.Errorf("log has %+v", all[len(all)-1])
		}
		i.Remove()
	}
}

func TestEffectsActTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		i := srv.Inject(osstest.Fault{Times: 1,
			Effect: osstest.Together(osstest.Corrupt(), osstest.Slow(1), osstest.LoseReply())})
		if _, err := trySend(t, srv,
			call{method: "PUT", key: "key", reader: struct{ io.Reader }{strings.NewReader("content")}}); err == nil {
			t.Error("the reply is not lost")
		}
		if o, _ := srv.Object("bucket", "key"); string(o.Data) != "bontent" {
			t.Errorf("object = %q", o.Data)
		}
		if got := i.Strikes()[0].Effect; got != "Corrupt+Slow(1)+LoseReply" {
			t.Errorf("effect is called %s", got)
		}
	})
}
