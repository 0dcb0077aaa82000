package osstest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A form is a PostObject, made as a browser makes it. Fields are names and values by turns.
type form struct {
	fields      []string
	file        string
	filename    string // default "file.txt"
	contentType string // of the file
	cut         int    // bytes to leave out at the end
	header      map[string]string
}

// submit sends f to "bucket".
func submit(t *testing.T, srv *osstest.Server, f form) *answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(f.fields); i += 2 {
		w.WriteField(f.fields[i], f.fields[i+1])
	}
	if f.filename == "" {
		f.filename = "file.txt"
	}
	h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, f.filename)}}
	if f.contentType != "" {
		h.Set("Content-Type", f.contentType)
	}
	part, err := w.CreatePart(h)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(part, f.file)
	w.WriteField("submit", "Upload to OSS") // as a button adds it
	w.Close()
	header := map[string]string{"Content-Type": w.FormDataContentType()}
	for name, value := range f.header {
		header[name] = value
	}
	if header["Content-MD5"] == "right" {
		sum := md5.Sum(body.Bytes())
		header["Content-MD5"] = base64.StdEncoding.EncodeToString(sum[:])
	}
	client := srv.HTTPClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return send(t, srv, call{method: "POST", header: header, body: body.String()[:body.Len()-f.cut], unsigned: true,
		client: client})
}

// conditions is a policy that is valid for an hour.
func conditions(list string) string {
	expires := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Sprintf(`{"expiration": "%s", "conditions": [%s]}`, expires, list)
}

// signV1 returns the fields of a policy, signed with the test keys by V1.
func signV1(policy string) []string {
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	h := hmac.New(sha1.New, []byte(osstest.AccessKeySecret))
	io.WriteString(h, encoded)
	return []string{"OSSAccessKeyId", osstest.AccessKeyID, "policy", encoded, "Signature",
		base64.StdEncoding.EncodeToString(h.Sum(nil))}
}

// signV4 is signV1 by V4, which adds its conditions to the list.
func signV4(list string, at time.Time, token ...string) []string {
	day, stamp := at.UTC().Format("20060102"), at.UTC().Format("20060102T150405Z")
	credential := osstest.AccessKeyID + "/" + day + "/cn-hangzhou/oss/aliyun_v4_request"
	policy := conditions(`{"x-oss-signature-version": "OSS4-HMAC-SHA256"}, {"x-oss-credential": "` + credential +
		`"}, {"x-oss-date": "` + stamp + `"}` + list)
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	key := []byte("aliyun_v4" + osstest.AccessKeySecret)
	for _, step := range []string{day, "cn-hangzhou", "oss", "aliyun_v4_request", encoded} {
		h := hmac.New(sha256.New, key)
		io.WriteString(h, step)
		key = h.Sum(nil)
	}
	return []string{"policy", encoded, "x-oss-signature-version", "OSS4-HMAC-SHA256", "x-oss-credential", credential,
		"x-oss-date", stamp,
		"x-oss-signature", hex.EncodeToString(key)}
}

func TestAFormMakesAnObject(t *testing.T) {
	srv := start(t, nil)
	for name, signed := range map[string][]string{
		"V1": signV1(
			conditions(`{"bucket": "bucket"}, ["starts-with", "$key", "user/"], ["content-length-range", 1, 10]`)),
		"V4": signV4(`, ["eq", "$key", "user/${filename}"], ["in", "$content-type", ["image/jpg", "text/plain"]]`,
			time.Now().Add(-6*24*time.Hour)),
	} {
		got := submit(t, srv, form{file: "\x00data\r\n", contentType: "text/plain", filename: "c d.txt",
			header: map[string]string{"Content-MD5": "right"},
			fields: append([]string{"key", "user/${filename}", "x-oss-meta-by", name, "Cache-Control", "no-cache",
				"Content-Type", "ignored/type",
				"x-oss-object-acl", "public-read", "x-oss-storage-class", "IA"}, signed...)})
		o, ok := srv.Object("bucket", "user/c d.txt")
		if got.status != 204 || !ok || string(o.Data) != "\x00data\r\n" || got.header.Get("ETag") != o.ETag ||
			got.header.Get("x-oss-hash-crc64ecma") != crcOf("\x00data\r\n") {
			t.Fatalf("%s: answered %v with %v, stored %q", name, got, got.header, o.Data)
		}
		_, h, err := ask(t, srv, "HEAD bucket/user/c d.txt")
		told := fmt.Sprint(h.Get("x-oss-meta-by"), h.Get("Content-Type"), h.Get("Cache-Control"),
			h.Get("x-oss-storage-class"), o.ACL, err)
		if told != name+"text/plainno-cacheIApublic-read<nil>" {
			t.Errorf("%s: the object is %s", name, told)
		}
		if r := srv.Requests("PostObject"); r[len(r)-1].Key != "user/c d.txt" {
			t.Errorf("the log has key %q", r[len(r)-1].Key)
		}
	}
}

func TestAFormChoosesItsAnswer(t *testing.T) {
	srv := start(t, nil)
	for _, tt := range []struct {
		fields   []string
		status   int
		location string
	}{
		{nil, 204, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
		{[]string{"success_action_status", "200"}, 200, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
		{[]string{"success_action_status", "201"}, 201, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
		{[]string{"success_action_status", "302"}, 204, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
		{[]string{"success_action_redirect", "https://a.example/done?x=1"}, 303,
			"https://a.example/done?bucket=bucket&etag=%22C4CA4238A0B923820DCC509A6F75849B%22&key=a+b&x=1"},
		{[]string{"success_action_redirect", "javascript:alert(1)"}, 204,
			"https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b"},
	} {
		fields := append([]string{"key", "a b"}, append(tt.fields, signV1(conditions(`{"bucket": "bucket"}`))...)...)
		got := submit(t, srv, form{file: "1", fields: fields})
		if got.status != tt.status || got.header.Get("Location") != tt.location {
			t.Errorf("%v is answered %v to %q, want %d to %q", tt.fields, got, got.header.Get("Location"), tt.status,
				tt.location)
		}
		if tt.status == 201 {
			var doc ossxml.Posted
			if decode(t, got, &doc); doc.Bucket != "bucket" || doc.Key != "a b" || doc.ETag != got.header.Get("ETag") ||
				doc.Location != tt.location {
				t.Errorf("the document is %+v", doc)
			}
		} else if got.body != "" {
			t.Errorf("%v is answered with %q", tt.fields, got.body)
		}
	}
}

func TestAFormIsRefusedAsItsPolicySays(t *testing.T) {
	now := time.Now()
	good := conditions(`{"bucket": "bucket"}`)
	wrong := signV1(good)
	wrong[5] = "AAAA"
	unknown := signV1(good)
	unknown[1] = "unknown"
	policyOf := func(p string) []string { return signV1(p) }
	const invalid, denied = "400 InvalidPolicyDocument", "403 AccessDenied"
	for _, tt := range []struct {
		name   string
		want   string
		fields []string
	}{
		{"nothing", "403 AccessDenied 0003-00000905", nil},
		{"no policy", "400 InvalidArgument 0002-00000702", wrong[:2]},
		{"no signature", "400 InvalidArgument 0002-00000703", wrong[:4]},
		{"an empty one", "400 InvalidArgument 0002-00000704", append(wrong[:4:4], "Signature", "")},
		{"no ID", "400 InvalidArgument", signV1(good)[2:]},
		{"a wrong signature", "403 SignatureDoesNotMatch 0002-00000705", wrong},
		{"an unknown ID", "403 InvalidAccessKeyId 0002-00000002", unknown},
		{"no JSON", invalid + " 0006-00000204", policyOf("{")},
		{"no members", invalid + " 0006-00000209", policyOf("{}")},
		{"no conditions", invalid + " 0006-00000207", policyOf(`{"expiration": "2023-02-19T13:19:00.000Z"}`)},
		{"no expiration", invalid + " 0006-00000208", policyOf(`{"conditions": []}`)},
		{"a number for it", invalid + " 0006-00000210", policyOf(`{"expiration": 123, "conditions": []}`)},
		{"an empty one", invalid + " 0006-00000211", policyOf(`{"expiration": "", "conditions": []}`)},
		{"expired", denied + " 0006-00000213",
			policyOf(`{"expiration": "2023-02-19T13:19:00.000Z", "conditions": []}`)},
		{"conditions that are no list", invalid + " 0006-00000214",
			policyOf(`{"expiration": "2023-02-19T13:19:00.000Z", "conditions": 123}`)},
		{"a condition without mode", invalid + " 0006-00000216", policyOf(conditions(`["$key"]`))},
		{"an unknown mode", invalid + " 0006-00000216", policyOf(conditions(`["like", "$key", "a"]`))},
		{"a condition that is a number", invalid + " 0006-00000222", policyOf(conditions(`123`))},
		{"two properties", invalid, policyOf(conditions(`{"bucket": "bucket", "key": "key"}`))},
		{"a range of texts", invalid + " 0006-00000221", policyOf(conditions(`["content-length-range", 10, "test"]`))},
		{"a range upside down", invalid + " 0006-00000219", policyOf(conditions(`["content-length-range", 20, 10]`))},
		{"another bucket", denied, policyOf(conditions(`{"bucket": "other"}`))},
		{"another key", denied, policyOf(conditions(`["starts-with", "$key", "user/"]`))},
		{"a type that is not allowed", denied, policyOf(conditions(`["not-in", "$content-type", ["text/html"]]`))},
		{"a field that is missing", denied, policyOf(conditions(`{"x-oss-meta-a": "b"}`))},
		{"too large", "400 EntityTooLarge 0006-00000004", policyOf(conditions(`["content-length-range", 0, 3]`))},
		{"too small", "400 EntityTooSmall 0006-00000004", policyOf(conditions(`["content-length-range", 5, 9]`))},
		{"V4 of another day", "400 InvalidArgument 0002-00000223",
			append(signV4("", now), "x-oss-date", "20200101T000000Z")},
		{"V4 too old", denied + " 0002-00000069", signV4("", now.Add(-8*24*time.Hour))},
		{"V4 too new", "403 RequestTimeTooSkewed 0002-00000504", signV4("", now.Add(20*time.Minute))},
		{"V4 with a wrong signature", "403 SignatureDoesNotMatch 0002-00000705",
			append(signV4("", now), "x-oss-signature", "00")},
	} {
		srv := start(t, nil)
		got := submit(t, srv, form{file: "data", contentType: "text/html",
			fields: append([]string{"key", "key"}, tt.fields...)})
		if got.String() != tt.want {
			t.Errorf("%s: %v (%s), want %s", tt.name, got, got.err.Message, tt.want)
		}
		if keys := srv.Objects("bucket"); len(keys) > 0 {
			t.Errorf("%s: stored %v", tt.name, keys)
		}
	}
}

func TestFormsThatAreBrokenStoreNothing(t *testing.T) {
	srv := start(t, &osstest.Options{PublicBuckets: []string{"bucket"}})
	big := strings.Repeat("x", 2<<20+1)
	for _, tt := range []struct {
		want string
		form form
	}{
		{"400 InvalidArgument", form{file: "data"}},
		{"400 MalformedPOSTRequest 0006-00000104", form{file: "data", fields: []string{"key", "key"}, cut: 10}},
		{"400 MalformedPOSTRequest 0006-00000104", form{file: "data", fields: []string{"key", "key"}, cut: 150}},
		{"400 RequestIsNotMultiPartContent", form{fields: []string{"key", "key"},
			header: map[string]string{"Content-Type": "multipart/form-data;"}}},
		{"400 InvalidDigest 0017-00000503", form{file: "data", fields: []string{"key", "key"},
			header: map[string]string{"Content-MD5": "XrY7u+Ae7tCTyyK7j1rNww=="}}},
		{"400 FieldItemTooLong", form{file: "data", fields: []string{"key", "key", "x-oss-meta-a", big}}},
		{"400 InvalidObjectName", form{file: "data", fields: []string{"key", "/key"}}},
		{"400 InvalidArgument 0017-00000279", form{file: "data",
			fields: []string{"key", "key", "x-oss-forbid-overwrite", "perhaps"}}},
		{"400 NotImplemented", form{file: "data", fields: []string{"key", "key", "callback", "e30="}}},
		{"400 NotImplemented", form{file: "data", fields: []string{"key", "key", "x-oss-process", "image/info"}}},
	} {
		if got := submit(t, srv, tt.form); got.String() != tt.want {
			t.Errorf("got %v, want %s", got, tt.want)
		}
	}
	if keys := srv.Objects("bucket"); len(keys) > 0 {
		t.Errorf("stored %v", keys)
	}
	if got := submit(t, srv, form{file: "data", fields: []string{"key", "key"}}); got.status != 204 {
		t.Errorf("an anonymous form to a public bucket is answered %v", got)
	}
	if got := submit(t, srv, form{file: "2", fields: []string{"key", "key", "x-oss-forbid-overwrite",
		"true"}}); got.String() != "409 FileAlreadyExists 0026-00000002" {
		t.Errorf("overwriting is answered %v", got)
	}
}

func TestAFormMakesItsCallback(t *testing.T) {
	var said string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		said = string(b)
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "{}")
	}))
	defer app.Close()
	srv := start(t, &osstest.Options{Callbacks: app.Client()})
	spec := base64.StdEncoding.EncodeToString([]byte(`{"callbackUrl": "` + app.URL +
		`", "callbackBody": "object=${object}&size=${size}&by=${x:by}"}`))
	fields := append([]string{"key", "k", "callback", spec, "x:by", "me"},
		signV1(conditions(`{"bucket": "bucket"}`))...)
	if got := submit(t, srv, form{file: "data", fields: fields}); got.status != 200 || got.body != "{}" ||
		said != "object=k&size=4&by=me" {
		t.Errorf("answered %v %q, and the callback is %q", got, got.body, said)
	}
}

// A form is faulty like a PutObject: what is cut off has no effect, and a token that was killed is refused.
func TestFaultsStrikeForms(t *testing.T) {
	creds := osstest.TestCredentials()
	creds.SecurityToken = "token"
	srv := start(t, &osstest.Options{Credentials: []oss.Credentials{creds}})
	fields := append([]string{"key", "k", "x-oss-security-token", "token"},
		signV1(conditions(`{"bucket": "bucket"}`))...)
	fail := srv.Inject(osstest.Fault{Op: "PostObject", Times: 1,
		Effect: osstest.FailAfter(20, 503, "ServiceUnavailable")})
	if got := submit(t, srv, form{file: "data", fields: fields}); got.String() != "503 ServiceUnavailable" ||
		fail.Fired() != 1 {
		t.Errorf("answered %v", got)
	}
	if _, ok := srv.Object("bucket", "k"); ok {
		t.Error("what failed was stored")
	}
	if got := submit(t, srv, form{file: "data", fields: fields}); got.status != 204 {
		t.Errorf("answered %v", got)
	}
	fields[3] = "other"
	if got := submit(t, srv, form{file: "data", fields: fields}); got.String() != "403 InvalidSecurityToken" {
		t.Errorf("another token is answered %v", got)
	}
}
