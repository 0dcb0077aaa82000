package oss

import (
	"encoding/json"
	"html/template"
	"net/url"
	"strings"
	"testing"
)

// TestMaskKnowsASecretInEveryQuoting is row 92: the page of a proxy that repeats a request showed its signature.
func TestMaskKnowsASecretInEveryQuoting(t *testing.T) {
	const secret = "a+b/c=d&e<f>g%h12345=="
	inJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	m := mask{secret, "another"}
	for _, quoted := range []string{
		secret, url.QueryEscape(secret), strings.ToLower(url.QueryEscape(secret)), url.PathEscape(secret),
		template.URLQueryEscaper(secret),
		strings.Trim(string(inJSON), `"`), strings.ReplaceAll(secret, "/", `\/`),
		strings.ReplaceAll(secret, "+", "&#43;"), strings.ReplaceAll(secret, "=", "&#x3D;"),
	} {
		if got := m.text("before " + quoted + " another after"); got != "before *** *** after" {
			t.Errorf("text of %q = %q", quoted, got)
		}
		for n := range quoted {
			got := m.text("before " + quoted[:n])
			if shown, ok := strings.CutPrefix(got, "before "); !ok || shown != masked && n > 60 || len(shown) > 50 {
				t.Errorf("text that ends after %d bytes of %q = %q", n, quoted, got)
			}
		}
	}
	for n := range secret {
		if got, want := m.text(secret[:n]), secret[:n]; n < minSecret && got != want || n >= minSecret &&
			got != masked {
			t.Errorf("text of the first %d bytes = %q", n, got)
		}
		if got := m.text(secret[:n] + " "); got != secret[:n]+" " {
			t.Errorf("text of the first %d bytes and more = %q", n, got)
		}
	}
	if got := mask(nil).text("\xff\x00 text"); got != "\xff\x00 text" {
		t.Errorf("text without secrets = %q", got)
	}
}
