package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

func TestParseFaultReadsEveryTerm(t *testing.T) {
	tests := []struct {
		text string
		want fault
		form string // as String writes it; "" means like text
	}{
		{"UploadPart:part=3:times=2:lose-reply", fault{op: "UploadPart", part: 3, times: 2, effect: effect{kind: "lose-reply"}}, ""},
		{"PutObject:delay=2s", fault{op: "PutObject", effect: effect{kind: "delay", wait: 2 * time.Second}}, ""},
		{"UploadPart:slow=50KiB/s", fault{op: "UploadPart", effect: effect{kind: "slow", bytes: 50 << 10}}, ""},
		{"*:drop", fault{effect: effect{kind: "drop"}}, ""},
		{"*:part=10000:hang", fault{part: 10000, effect: effect{kind: "hang"}}, ""},
		{"GetObject:corrupt", fault{op: "GetObject", effect: effect{kind: "corrupt"}}, ""},
		{"GetObject:truncate=0", fault{op: "GetObject", effect: effect{kind: "truncate"}}, ""},
		{"*:fail=503/ServiceUnavailable", fault{effect: effect{kind: "fail", status: 503, code: "ServiceUnavailable"}}, ""},
		{"CompleteMultipartUpload:fail=203/CallbackFailed", fault{op: "CompleteMultipartUpload", effect: effect{kind: "fail", status: 203, code: "CallbackFailed"}}, ""},
		{"*:bucket=b:key=a=b/c%3A%25:skip=1:drop", fault{bucket: "b", key: "a=b/c:%", skip: 1, effect: effect{kind: "drop"}}, ""},
		{"HeadObject:drop:times=7", fault{op: "HeadObject", times: 7, effect: effect{kind: "drop"}}, "HeadObject:times=7:drop"},
		{"PutObject:key=a%20b+:delay=90s", fault{op: "PutObject", key: "a b+", effect: effect{kind: "delay", wait: 90 * time.Second}}, "PutObject:key=a b+:delay=1m30s"},
		{"PutObject:slow=1048576/s", fault{op: "PutObject", effect: effect{kind: "slow", bytes: 1 << 20}}, "PutObject:slow=1MiB/s"},
	}
	for _, tt := range tests {
		got, err := parseFault(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("parseFault(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
		form := tt.form
		if form == "" {
			form = tt.text
		}
		if got.String() != form {
			t.Errorf("%+v is written %q, want %q", got, got, form)
		}
	}
}

func TestParseFaultRefusesWhatCouldNeverStrike(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "want OPERATION:TERM"},
		{":drop", "want OPERATION:TERM"},
		{"UploadPart", "neither a condition nor an effect"},
		{"UploadPart:", "neither a condition nor an effect"},
		{"UploadPart:part=3", "no effect"},
		{"UploadPart:drop:hang", "an effect already, drop"},
		{"UploadPart:drop:", "an effect already, drop"},
		{"UploadPart:times=1:times=2:drop", "times is there twice"},
		{"UploadPart:drop:drop", "drop is there twice"},
		{"UploadPart:part=0:drop", "a number from 1"},
		{"UploadPart:part=10001:drop", "the last number is 10000"},
		{"UploadPart:times=often:drop", "a number from 1"},
		{"UploadPart:skip=-1:drop", "a number from 1"},
		{"UploadPart:part:drop", "a number from 1"},
		{"PutObject:part=1:drop", "PutObject has no parts"},
		{"PutObject:key=:drop", "want a name"},
		{"PutObject:key=100%:drop", "%25 for a percent sign"},
		{"UploadParts:drop", `no operation is called "UploadParts"`},
		{"HeadObject:corrupt", "can do nothing to HeadObject"},
		{"PutObject:drop=1", "drop takes no value"},
		{"PutObject:explode", `"explode" is neither`},
		{"PutObject:fail=503", "a status and a code"},
		{"PutObject:fail=200/OK", "a status and a code"},
		{"PutObject:fail=600/Code", "a status and a code"},
		{"PutObject:fail=503/two words", "a status and a code"},
		{"PutObject:delay=2", "a time such as 2s"},
		{"PutObject:delay=0s", "a time such as 2s"},
		{"PutObject:slow=50KiB", "a rate such as"},
		{"PutObject:slow=0/s", "a rate such as"},
		{"PutObject:truncate=1KB", "a number of bytes"},
		{"PutObject:truncate=-1", "a number of bytes"},
		{"PutObject:truncate=9000000000GiB", "a number of bytes"},
	}
	for _, tt := range tests {
		if f, err := parseFault(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("parseFault(%q) = %v, %v, want an error with %q", tt.text, f, err, tt.want)
		}
	}
}

// TestEveryEffectOfOsstestCanBeWritten reads the source of osstest, so that an effect that is added
// there is not forgotten here.
func TestEveryEffectOfOsstestCanBeWritten(t *testing.T) {
	files, err := filepath.Glob("../../oss/osstest/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source: %v", err)
	}
	capital := regexp.MustCompile(`([a-z])([A-Z])`)
	var want []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Effect" {
				want = append(want, strings.ToLower(capital.ReplaceAllString(f.Name.Name, "$1-$2")))
			}
		}
	}
	var got []string
	for _, row := range effects {
		got = append(got, row.kind)
		form := row.kind
		if row.value != "" {
			form += "=" + row.value
		}
		if f, err := parseFault("UploadPart:" + form); err != nil || f.effect.String() != form {
			t.Errorf("the example of -help, %s, is read as %v, %v", form, f.effect, err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("effects are %q, osstest has %q", got, want)
	}
}

// FuzzFault: a fault that can be had is read from what it is written as.
func FuzzFault(f *testing.F) {
	f.Add("UploadPart", "b", "a:b%/=c", 3, 1, 2, uint8(0), 503, "ServiceUnavailable", int64(time.Second), int64(50<<10))
	f.Add("", "", "", 0, 0, 0, uint8(6), 0, "", int64(0), int64(0))
	f.Add("PutObject", "", "\x00\xff %3A", 0, 0, 9, uint8(7), 0, "", int64(0), int64(1<<62))
	f.Add("GetObject", "", "", 0, 0, 0, uint8(1), 0, "", int64(1), int64(0))
	f.Fuzz(func(t *testing.T, op, bucket, key string, part, skip, times int, kind uint8, status int, code string, wait, bytes int64) {
		x := fault{op: op, bucket: bucket, key: key, part: part, skip: skip, times: times}
		switch x.effect.kind = effects[int(kind)%len(effects)].kind; x.effect.kind {
		case "fail":
			x.effect.status, x.effect.code = status, oss.Code(code)
			if new(effect).readFailure(effects[0].write(x.effect)) != nil {
				t.Skip()
			}
		case "delay":
			x.effect.wait = time.Duration(wait)
		case "truncate", "slow":
			x.effect.bytes = bytes
		}
		if min(part, skip, times) < 0 || x.effect.wait < 0 || x.effect.wait == 0 && x.effect.kind == "delay" || bytes > 1<<62 ||
			bytes < 0 || bytes == 0 && x.effect.kind == "slow" || x.check() != nil {
			t.Skip()
		}
		if got, err := parseFault(x.String()); err != nil || got != x {
			t.Errorf("parseFault(%q) = %+v, %v, want %+v", x, got, err, x)
		}
	})
}

// FuzzFaultText: what is read is read again from what it is written as, whatever was typed.
func FuzzFaultText(f *testing.F) {
	f.Add("UploadPart:part=3:times=2:lose-reply")
	f.Add("*:key=%41%3a:fail=404/NoSuchKey")
	f.Add("PutObject:delay=1h0.5s")
	f.Add("PutObject:slow=1024KiB/s:times=+1")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := parseFault(text)
		if err != nil {
			t.Skip()
		}
		if got, err := parseFault(x.String()); err != nil || got != x {
			t.Errorf("%q is written %q and then read as %+v, %v, want %+v", text, x, got, err, x)
		}
	})
}
