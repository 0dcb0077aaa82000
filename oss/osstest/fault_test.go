package osstest_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestFaultsMatch(t *testing.T) {
	tests := []struct {
		name  string
		fault osstest.Fault
		want  string // which of the four requests below fail
	}{
		{"everything", osstest.Fault{}, "0123"},
		{"operation", osstest.Fault{Op: "UploadPart"}, "23"},
		{"bucket", osstest.Fault{Bucket: "other"}, "1"},
		{"key", osstest.Fault{Key: "key"}, "0123"},
		{"other key", osstest.Fault{Key: "other"}, ""},
		{"part", osstest.Fault{PartNumber: 2}, "3"},
		{"operation and part", osstest.Fault{Op: "UploadPart", PartNumber: 1}, "2"},
		{"skip", osstest.Fault{Skip: 3}, "3"},
		{"times", osstest.Fault{Times: 2}, "01"},
		{"skip and times", osstest.Fault{Skip: 1, Times: 1}, "1"},
		{"skip counts matches", osstest.Fault{Op: "UploadPart", Skip: 1}, "3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := start(t, nil)
			id := initiate(t, srv, nil)
			tt.fault.Effect = osstest.Fail(503, "ServiceUnavailable")
			i := srv.Inject(tt.fault)
			got := ""
			for n, c := range []call{
				{method: "PUT", key: "key"},
				{method: "PUT", bucket: "other", key: "key"},
				{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id},
				{method: "PUT", key: "key", query: "partNumber=2&uploadId=" + id},
			} {
				if send(t, srv, c).status == 503 {
					got += fmt.Sprint(n)
				}
			}
			if got != tt.want || i.Fired() != len(tt.want) {
				t.Errorf("requests %q failed, fault fired %d times, want %q", got, i.Fired(), tt.want)
			}
			i.Remove()
			if got := send(t, srv, putKey); got.status != 200 {
				t.Errorf("after Remove: %v", got)
			}
		})
	}
}

func TestFirstFaultThatStrikesWins(t *testing.T) {
	srv := start(t, nil)
	first := srv.Inject(osstest.Fault{Skip: 1, Times: 1, Effect: osstest.Fail(500, "First")})
	second := srv.Inject(osstest.Fault{Times: 2, Effect: osstest.Fail(500, "Second")})
	got := ""
	for range 4 {
		got += send(t, srv, putKey).err.Code + " "
	}
	if got != "Second First Second  " || first.Fired() != 1 || second.Fired() != 2 {
		t.Errorf("got %q, fired %d and %d", got, first.Fired(), second.Fired())
	}
}

func TestInjectPanicsOnAFaultThatCannotStrike(t *testing.T) {
	srv := start(t, nil)
	for name, f := range map[string]osstest.Fault{
		"misspelled":           {Op: "UploadParts", Effect: osstest.Drop()},
		"no effect":            {Op: "UploadPart"},
		"nothing to corrupt":   {Op: "AbortMultipartUpload", Effect: osstest.Corrupt()},
		"only a document":      {Op: "ListParts", Effect: osstest.Corrupt()},
		"nothing to truncate":  {Op: "HeadObject", Effect: osstest.Truncate(1)},
		"nothing to slow":      {Op: "DeleteObject", Effect: osstest.Slow(1)},
		"no parts":             {Op: "PutObject", PartNumber: 1, Effect: osstest.Drop()},
		"part below the first": {PartNumber: -1, Effect: osstest.Drop()},
		"part above the last":  {Op: "UploadPart", PartNumber: 10001, Effect: osstest.Drop()},
		"share of nothing":     {Share: math.NaN(), Effect: osstest.Drop()},
		"nothing for both": {
			Effect: osstest.Together(osstest.FailAfter(1, 500, "InternalError"), osstest.ShortReply(1)),
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			srv.Inject(f)
		}()
	}
	for _, bad := range []func(){func() { osstest.Slow(0) }, func() { osstest.Truncate(-1) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("an impossible effect was made")
				}
			}()
			bad()
		}()
	}
	if got := send(t, srv, putKey); got.status != 200 {
		t.Errorf("after no injections: %v", got)
	}
}

// A program that takes faults from its user has no use for a panic.
func TestAFaultIsValidatedWithoutAServer(t *testing.T) {
	for _, tt := range []struct {
		fault osstest.Fault
		want  string // "" if it is valid
	}{
		{osstest.Fault{Effect: osstest.Drop()}, ""},
		{osstest.Fault{Op: "UploadPart", PartNumber: 3, Effect: osstest.Corrupt()}, ""},
		{osstest.Fault{}, "there is no Effect"},
		{osstest.Fault{Op: "HeadNothing", Effect: osstest.Drop()}, `"HeadNothing" is not an operation`},
		{osstest.Fault{Op: "HeadObject", Effect: osstest.Corrupt()}, "Corrupt does not apply to HeadObject"},
		{osstest.Fault{Op: "PutObject", PartNumber: 1, Effect: osstest.Drop()}, "part 1: PutObject has no parts"},
		{osstest.Fault{PartNumber: 10001, Effect: osstest.Drop()}, "part 10001 is not between 1 and 10000"},
		{osstest.Fault{Share: 2, Effect: osstest.Drop()}, "a share of 2 is not between 0 and 1"},
		{osstest.Fault{Times: -1, Effect: osstest.Drop()}, "a number or a duration is negative"},
	} {
		got := ""
		if err := tt.fault.Validate(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.fault, got, tt.want)
		}
	}
}
