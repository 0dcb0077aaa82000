package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/signer"
)

// TestARecordHasWhatWasSaidAndNoSecrets makes requests that carry secrets in every place, and refusals that repeat
// them.
func TestARecordHasWhatWasSaidAndNoSecrets(t *testing.T) {
	for _, name := range []string{"record.har", "record.jsonl"} {
		for _, s := range []signer.Signer{signer.V4{}, signer.V1{}} {
			path := filepath.Join(t.TempDir(), name)
			d := launch(t, nil, "-record", path)
			keys := d.cfg.Credentials.(oss.Credentials)
			keys.AccessKeySecret, keys.SecurityToken = "wrong-secret", "security+token/1="
			d.cfg.Credentials, d.cfg.Signer = keys, s
			refused := d.client(t)
			if _, err := refused.PutObject(t.Context(), "b", "k",
				strings.NewReader("precious content"), nil); err == nil {
				t.Error("a wrong token is accepted")
			}
			p, err := refused.Presign(t.Context(), &oss.Request{Method: "GET", Bucket: "b", Key: "k"}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Get(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			keys.AccessKeySecret, keys.SecurityToken = "osstest-access-key-secret", ""
			d.cfg.Credentials = keys
			good := d.client(t)
			up, err := good.InitiateMultipartUpload(t.Context(), "b", "k", nil)
			if err != nil {
				t.Fatal(err)
			}
			part, err := good.UploadPart(t.Context(), up, 1, strings.NewReader("precious content"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := good.CompleteMultipartUpload(t.Context(), up, []oss.Part{part}, nil); err != nil {
				t.Fatal(err)
			}
			entries := readRecord(t, path) // while it is still being written
			d.end(t)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			signatures := []string{p.URL[strings.LastIndex(p.URL, "ignature=")+9:][:16]}
			for _, secret := range append(signatures, "security+token", "security%2Btoken", "osstest-access-key-secret",
				"wrong-secret", "precious content") {
				if bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s, %T: the record has %q:\n%s", name, s, secret, text)
				}
			}
			if len(entries) != 5 {
				t.Fatalf("%s has %d entries, want 5", name, len(entries))
			}
			last := entries[4]
			if last.Request.Post == nil || !strings.Contains(last.Request.Post.Text, "<PartNumber>1</PartNumber>") ||
				!strings.Contains(
					last.Response.Content.Text,
					"<CompleteMultipartUploadResult>",
				) || last.Response.Status != 200 {
				t.Errorf("%s: the last exchange is %+v", name, last)
			}
			if part := entries[3]; part.Request.BodySize != 16 || part.Request.Post != nil ||
				!strings.Contains(part.Request.URL, "/b/k?partNumber=1&uploadId="+up.ID) {
				t.Errorf("%s: the part is %+v", name, part.Request)
			}
		}
	}
}

// readRecord reads a record of either form.
func readRecord(t *testing.T, path string) []harEntry {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".har") {
		var doc struct {
			Log struct {
				Version string
				Entries []harEntry
			}
		}
		if err := json.Unmarshal(text, &doc); err != nil || doc.Log.Version != "1.2" {
			t.Fatalf("the archive is not whole: %v\n%s", err, text)
		}
		return doc.Log.Entries
	}
	var all []harEntry
	for line := range strings.Lines(string(text)) {
		var e harEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e)
	}
	return all
}

func TestAnArchiveIsWholeBeforeTheFirstRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.HAR")
	r, err := openRecorder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	var doc any
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, &doc) != nil {
		t.Errorf("the archive is %s, %v", text, err)
	}
}
