package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestParseFaultReadsEveryTerm(t *testing.T) {
	tests := []struct {
		text   string
		want   osstest.Fault // without the Effect
		effect string        // its name
	}{
		{"UploadPart:part=3:times=2:lose-reply", osstest.Fault{Op: "UploadPart", PartNumber: 3, Times: 2}, "LoseReply"},
		{"HeadObject:drop:times=7", osstest.Fault{Op: "HeadObject", Times: 7}, "Drop"},
		{"*:bucket=b:key=a=b/c%3A%25:skip=1:drop", osstest.Fault{Bucket: "b", Key: "a=b/c:%", Skip: 1}, "Drop"},
		{"PutObject:key=a%20b+:delay=90s", osstest.Fault{Op: "PutObject", Key: "a b+"}, "Delay(1m30s)"},
		{"*:after=1m:for=10s:above=5:share=0.5:seed=9:throttle", osstest.Fault{
			After: time.Minute, For: 10 * time.Second, Above: 5, Share: 0.5, Seed: 9,
		}, "Throttle(503 TotalQpsLimitExceeded)"},
		{"*:part=10000:hang", osstest.Fault{PartNumber: 10000}, "Hang"},
		{"*:fail=203/CallbackFailed", osstest.Fault{}, "Fail(203 CallbackFailed)"},
		{"*:fail-after=1KiB/500/InternalError", osstest.Fault{}, "FailAfter(1024 500 InternalError)"},
		{"*:throttle=429/QpsLimitExceeded/1s/0s", osstest.Fault{}, "Throttle(429 QpsLimitExceeded)"},
		{"*:proxy-reply=502/<a href=\"http%3A//x/\">", osstest.Fault{}, "ProxyReply(502)"},
		{"*:proxy-reply=503", osstest.Fault{}, "ProxyReply(503)"},
		{"*:cut-reply=30", osstest.Fault{}, "CutReply(30)"},
		{"*:short-reply=2MiB", osstest.Fault{}, "ShortReply(2097152)"},
		{"*:truncate=0", osstest.Fault{}, "Truncate(0)"},
		{"*:slow=50KiB/s", osstest.Fault{}, "Slow(51200)"},
		{"*:slow-connections=1GiB/s/0.2", osstest.Fault{}, "SlowConnections(1073741824 0.2)"},
		{"*:clock-off=-20m", osstest.Fault{}, "ClockOff(-20m0s)"},
		{"*:chaos=18446744073709551615", osstest.Fault{}, "Chaos(18446744073709551615)"},
		{"UploadPart:redeliver=1s:lose-reply:wrong-etag", osstest.Fault{Op: "UploadPart"},
			"Redeliver(1s)+LoseReply+WrongETag"},
	}
	for _, tt := range tests {
		got, err := parseFault(tt.text)
		effect := fmt.Sprint(got.Effect)
		if got.Effect = nil; err != nil || got.Fault != tt.want || effect != tt.effect || got.text != tt.text {
			t.Errorf("parseFault(%q) = %+v, %s, %v, want %+v, %s", tt.text, got, effect, err, tt.want, tt.effect)
		}
	}
}

func TestParseFaultRefusesWhatCouldNeverStrike(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "want OPERATION:TERM"},
		{":drop", "want OPERATION:TERM"},
		{"UploadPart", "neither a condition nor an effect"},
		{"UploadPart:", "neither a condition nor an effect"},
		{"UploadPart:drop:", "neither a condition nor an effect"},
		{"PutObject:explode", `"explode" is neither`},
		{"UploadPart:part=3", "no effect"},
		{"UploadPart:times=1:times=2:drop", "times occurs twice"},
		{"UploadPart:drop:drop", "drop occurs twice"},
		{"UploadPart:part=0:drop", "want it like part=3"},
		{"UploadPart:part=10001:drop", "not between 1 and 10000"},
		{"UploadPart:times=often:drop", "want it like times=2"},
		{"UploadPart:skip=-1:drop", "want it like skip=1"},
		{"UploadPart:part:drop", "want it like part=3"},
		{"UploadPart:part=3/4:drop", "want it like part=3"},
		{"PutObject:part=1:drop", "PutObject has no parts"},
		{"PutObject:key=:drop", "want it like key="},
		{"PutObject:key=100%:drop", "a percent sign %25"},
		{"PutObject:after=0s:drop", "want it like after=10s"},
		{"PutObject:share=0:drop", "want it like share=0.1"},
		{"PutObject:share=NaN:drop", "want it like share=0.1"},
		{"PutObject:share=1.1:drop", "want it like share=0.1"},
		{"PutObject:seed=7:drop", "a seed needs a share"},
		{"UploadParts:drop", `"UploadParts" is not an operation`},
		{"HeadObject:corrupt", "does not apply to HeadObject"},
		{"PutObject:redeliver=1s:drop", "does not apply to PutObject"},
		{"PutObject:chaos=1:drop", "cannot be combined"},
		{"PutObject:drop=1", "want it like drop,"},
		{"PutObject:fail", "want it like fail="},
		{"PutObject:fail=503", "want it like fail="},
		{"PutObject:fail=600/Code", "600 is not the status"},
		{"PutObject:fail=503/two words", "want it like fail="},
		{"PutObject:throttle=429", "want it like throttle=429/"},
		{"PutObject:delay=2", "want it like delay=2s"},
		{"PutObject:delay=0s", "want it like delay=2s"},
		{"PutObject:slow=50KiB", "want it like slow=50KiB/s"},
		{"PutObject:slow=50KiB/h", "want it like slow=50KiB/s"},
		{"PutObject:slow=0/s", "the rate must be positive"},
		{"PutObject:slow-connections=49/s/1", "at least one byte per second"},
		{"PutObject:truncate=1KB", "want it like truncate=64KiB"},
		{"PutObject:truncate=-1", "want it like truncate=64KiB"},
		{"PutObject:truncate=9000000000GiB", "want it like truncate=64KiB"},
	}
	for _, tt := range tests {
		if f, err := parseFault(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("parseFault(%q) = %+v, %v, want an error with %q", tt.text, f, err, tt.want)
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
	got := []string{"together"} // which is written as several
	for _, e := range effects {
		name, _, _ := strings.Cut(e.form, "=")
		got = append(got, name)
		f, err := parseFault("*:" + e.form)
		effect, _, _ := strings.Cut(fmt.Sprint(f.Effect), "(")
		if err != nil || !strings.EqualFold(effect, strings.ReplaceAll(name, "-", "")) {
			t.Errorf("the example of -help, %s, is read as %v, %v", e.form, f.Effect, err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("effects are %q, osstest has %q", got, want)
	}
}

func TestEveryConditionOfOsstestCanBeWritten(t *testing.T) {
	text := "UploadPart:drop"
	for _, c := range conditions {
		text += ":" + c.form
	}
	f, err := parseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(f.Fault)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s sets no %s", text, v.Type().Field(i).Name)
		}
	}
	if got, want := len(conditions), v.NumField()-2; got != want { // without Op and Effect
		t.Errorf("%d conditions, want %d", got, want)
	}
}

// FuzzFault: the order of the terms does not matter, whatever was typed.
func FuzzFault(f *testing.F) {
	f.Add("UploadPart:part=3:times=2:lose-reply:redeliver=1s")
	f.Add("*:key=%41%3a:fail=404/NoSuchKey")
	f.Add("PutObject:delay=1h0.5s:chaos=3")
	f.Add("PutObject:slow=1024KiB/s:times=+1:share=1e-3")
	f.Add("*:proxy-reply=200/%zz:throttle=")
	f.Fuzz(func(t *testing.T, text string) {
		terms := strings.Split(text, ":")
		slices.Reverse(terms[1:])
		one, err := parseFault(text)
		other, otherErr := parseFault(strings.Join(terms, ":"))
		if one.Effect, other.Effect = nil, nil; one.Fault != other.Fault || (err == nil) != (otherErr == nil) {
			t.Errorf("%q is read as %+v, %v, and backwards as %+v, %v", text, one, err, other, otherErr)
		}
	})
}
