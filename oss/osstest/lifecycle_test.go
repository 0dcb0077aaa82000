package osstest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// lifecycle is the body of a PutBucketLifecycle with rules that are enabled.
func lifecycle(rules ...string) []string {
	var b strings.Builder
	for i, r := range rules {
		fmt.Fprintf(&b, "<Rule><ID>%d</ID><Status>Enabled</Status>%s</Rule>", i, r)
	}
	return []string{"body", "<LifecycleConfiguration>" + b.String() + "</LifecycleConfiguration>"}
}

// days is an action after so many days, such as an Expiration.
func days(action string, n int) string {
	return fmt.Sprintf("<%s><Days>%d</Days></%s>", action, n, action)
}

// transition is a Transition to a class.
func transition(class string, n int) string {
	return fmt.Sprintf("<Transition><Days>%d</Days><StorageClass>%s</StorageClass></Transition>", n, class)
}

// The refusals that the Python SDK's live tests expect, and those of the pages of their EC.
func TestLifecycleRulesThatCannotBeAreRefused(t *testing.T) {
	srv := start(t, nil)
	const put, malformed = "PUT bucket?lifecycle", "400 MalformedXML 0015-00000231"
	const before = "<CreatedBeforeDate>2016-12-25T00:00:00.000Z</CreatedBeforeDate>"
	for _, tt := range []struct {
		want  string
		rules []string
	}{
		{malformed, nil},
		{malformed, []string{"<Prefix>a</Prefix>"}},
		{malformed, []string{days("Expiration", 0)}},
		{malformed, []string{"<Expiration><Days>1</Days>" + before + "</Expiration>"}},
		{malformed, []string{days("AbortMultipartUpload", -1)}},
		{malformed, []string{"<ID>" + strings.Repeat("i", 256) + "</ID>" + days("Expiration", 1)}},
		{"400 InvalidArgument",
			[]string{"<Expiration><CreatedBeforeDate>2016-12-25T01:00:00.000Z</CreatedBeforeDate></Expiration>"}},
		{"400 InvalidArgument 0014-00000082", []string{days("Expiration", 3) + transition("IA", 4)}},
		{"400 InvalidArgument 0014-00000082", []string{days("Expiration", 6) + transition("IA", 5) +
			transition("Archive", 2)}},
		{"400 InvalidArgument", []string{days("Expiration", 6) + transition("Standard", 5)}},
		{"400 InvalidRequest 0014-00000080",
			[]string{"<Expiration>" + before + "</Expiration>" + transition("IA", 356)}},
		{"400 InvalidArgument 0014-00000084", []string{"<Prefix>test</Prefix>" + days("Expiration", 200),
			"<Prefix>test/log</Prefix>" + days("Expiration", 100)}},
		{"ok", []string{"<Prefix>test</Prefix>" + days("Expiration", 200),
			"<Prefix>log</Prefix>" + days("Expiration", 100)}},
		{"ok", []string{"<Prefix>test</Prefix>" + days("Expiration", 200), "<Prefix>test/log</Prefix>" +
			days("AbortMultipartUpload", 100)}},
		{"ok", []string{"<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>" +
			"<NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays></NoncurrentVersionExpiration>"}},
	} {
		wants(t, srv, put, tt.want, lifecycle(tt.rules...)...)
	}
	// TestSetBucketLifecycleXml of the Go SDK: what overlaps must still come in sequence.
	early := lifecycle("<Prefix>p</Prefix>"+days("Expiration", 65)+transition("IA", 45),
		"<Prefix>p/s</Prefix>"+days("Expiration", 60)+transition("Archive", 40))
	wants(t, srv, put, "400 InvalidArgument 0014-00000082", append(early, "x-oss-allow-same-action-overlap", "true")...)
	overlap := lifecycle("<Prefix>p/</Prefix>"+days("Expiration", 1), "<Prefix>p/2</Prefix>"+days("Expiration", 1))
	wants(t, srv, put, "ok", append(overlap, "x-oss-allow-same-action-overlap", "true")...)
}

func TestALifecycleRuleWithoutAnIDGetsOne(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?lifecycle", "ok", "body",
		"<LifecycleConfiguration><Rule><Prefix></Prefix><Status>Disabled</Status>"+days("Expiration",
			1)+"</Rule></LifecycleConfiguration>")
	var doc ossxml.LifecycleConfiguration
	if read(t, srv, "GET bucket?lifecycle", &doc); len(doc.Rules) != 1 || doc.Rules[0].ID == "" {
		t.Errorf("rules are %+v", doc.Rules)
	}
}

func TestExpireUploadsAbortsWhatTheRulesEnd(t *testing.T) {
	begin := time.Date(2026, 6, 17, 20, 30, 0, 0, time.UTC)
	now := begin
	srv := start(t, &osstest.Options{Now: func() time.Time { return now }})
	upload := func(key, tags string) {
		wants(t, srv, "POST bucket/"+key+"?uploads", "ok", "x-oss-tagging", tags)
	}
	upload("logs/old", "")
	upload("tagged", "k=v")
	upload("other", "")
	now = now.Add(time.Hour)
	upload("logs/new", "")
	wants(t, srv, "POST elsewhere/logs/old?uploads", "ok")
	wants(t, srv, "PUT bucket?lifecycle", "ok", lifecycle(
		"<Prefix>logs/</Prefix>"+days("AbortMultipartUpload", 3),
		"<Tag><Key>k</Key><Value>v</Value></Tag><AbortMultipartUpload>"+
			"<CreatedBeforeDate>2026-06-19T00:00:00.000Z</CreatedBeforeDate></AbortMultipartUpload>",
	)...)
	for _, step := range []struct {
		at   time.Time
		want string
	}{
		{begin.Add(24 * time.Hour), ""},
		{time.Date(2026, 6, 19, 0, 0, 0, 0, time.UTC), "tagged"},
		{begin.Add(72*time.Hour - time.Second), ""},
		{begin.Add(72 * time.Hour), "logs/old"},
		{begin.Add(73 * time.Hour), "logs/new"},
		{begin.Add(1000 * time.Hour), ""},
	} {
		var keys []string
		for _, u := range srv.ExpireUploads(step.at) {
			keys = append(keys, u.Key)
		}
		if got := strings.Join(keys, " "); got != step.want {
			t.Errorf("at %v it aborted %q, want %q", step.at, got, step.want)
		}
	}
	var left []string
	for _, u := range srv.Uploads() {
		left = append(left, u.Bucket+"/"+u.Key)
	}
	if got := strings.Join(left, " "); got != "bucket/other elsewhere/logs/old" {
		t.Errorf("left are %s", got)
	}
	wants(t, srv, "PUT bucket?lifecycle", "ok", "body",
		"<LifecycleConfiguration><Rule><Prefix></Prefix><Status>Disabled</Status>"+days("AbortMultipartUpload",
			1)+"</Rule></LifecycleConfiguration>")
	if gone := srv.ExpireUploads(begin.Add(1000 * time.Hour)); len(gone) > 0 {
		t.Errorf("a rule that is disabled aborted %v", gone)
	}
}
