package credentials

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// seeds adds the files of testdata to a fuzz target.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*config*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range append(files, "testdata/credentials") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// Any document is an error, or has keys that can be sent in a header.
func FuzzDocument(f *testing.F) {
	f.Add(
		[]byte(`{"Code": "Success", "AccessKeyId": "id", "AccessKeySecret": "s", ` +
			`"Expiration": "2000-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"mode": "StsToken", "access_key_id": "id", "access_key_secret": "s", "sts_token": "t"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data)
		if err != nil {
			return
		}
		if again, err := clean(c); err != nil || again != c {
			t.Errorf("%#v is not clean: %v", c, err)
		}
	})
}

// Sections that are written as they were read are read as the same.
func FuzzINI(f *testing.F) {
	seeds(f)
	f.Add([]byte("[0]\n_ name = value\n")) // the blank is inside until the _ is gone
	f.Fuzz(func(t *testing.T, data []byte) {
		sections, err := parseINI(data)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, title := range slices.Sorted(maps.Keys(sections)) {
			fmt.Fprintf(&b, "[%s]\n", title)
			for name, value := range sections[title] {
				quote := `"`
				if strings.Contains(value, quote) {
					quote = "'"
				}
				if name == "" || strings.ContainsAny(name, "#;[") || strings.Contains(value, quote) {
					return // cannot be written
				}
				fmt.Fprintf(&b, "%s = %s%s%s\n", name, quote, value, quote)
			}
		}
		again, err := parseINI([]byte(b.String()))
		if err != nil || !maps.EqualFunc(sections, again, func(a, b section) bool { return maps.Equal(a, b) }) {
			t.Errorf("%q\nwritten as %q\nis %q, %v", sections, b.String(), again, err)
		}
	})
}

// Any file of the CLI is an error, or its profiles are, or they have sources: nothing panics or goes round in circles.
func FuzzProfiles(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := parseCLI(data)
		if err != nil {
			return
		}
		o := (*Options)(nil).orDefault()
		for _, name := range []string{parsed.current, "", "loop", "role"} {
			if p, ok := parsed.find(name); ok {
				src, err := resolver{parsed, o, newCaller(o)}.source(p, 0)
				if (src == nil) != (err != nil) {
					t.Errorf("profile %q: %v, %v", name, src, err)
				}
			}
		}
	})
}

// Arguments in quotes are split as they were joined.
func FuzzCommand(f *testing.F) {
	f.Add("tool", "an argument", "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if a == "" || strings.Contains(a+b+c, "'") {
			return // a command has a name, and quotes within quotes are not written here
		}
		got, err := splitCommandFor("linux", fmt.Sprintf("'%s' '%s'\t'%s'", a, b, c))
		if err != nil || !slices.Equal(got, []string{a, b, c}) {
			t.Errorf("%q, %v, want %q", got, err, []string{a, b, c})
		}
	})
}
