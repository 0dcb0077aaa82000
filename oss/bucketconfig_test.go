package oss_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	corsRules = oss.BucketCORS{Vary: true, Rules: []oss.CORSRule{
		{Origins: []string{"https://*.example.com"}, Methods: []string{"GET", "PUT"}, Headers: []string{"*"},
			Expose: []string{"ETag"}, MaxAge: time.Hour},
		{Origins: []string{"*"}, Methods: []string{"HEAD"}},
	}}
	lifecycleRules = []oss.LifecycleRule{
		{ID: "uploads", AbortUploads: oss.Age{Days: 7}},
		{ID: "logs", Prefix: "logs/", Tags: map[string]string{"a": "b"}, Disabled: true, Expire: oss.Age{Days: 90},
			Transitions: []oss.Transition{{Age: oss.Age{Days: 30}, StorageClass: oss.StorageIA},
				{Age: oss.Age{Days: 60}, StorageClass: oss.StorageArchive}}},
		{ID: "old", Prefix: "old/", Expire: oss.Age{Before: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)}},
		{ID: "versions", Prefix: "v/", ExpireNoncurrentDays: 3, ExpireLoneDeleteMarkers: true},
	}
)

func TestConfigurationsOfABucketComeBackAsTheyWerePut(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	ctx := t.Context()
	if state, err := c.GetBucketVersioning(ctx, "bucket", nil); state != "" || err != nil {
		t.Errorf("versioning of a new bucket is %q, %v", state, err)
	}
	for _, want := range []oss.Versioning{oss.VersioningEnabled, oss.VersioningSuspended} {
		if err := c.PutBucketVersioning(ctx, "bucket", want, nil); err != nil {
			t.Fatal(err)
		}
		if state, err := c.GetBucketVersioning(ctx, "bucket", nil); state != want || err != nil {
			t.Errorf("versioning is %q, %v, want %q", state, err, want)
		}
	}
	if _, err := c.GetBucketCORS(ctx, "bucket", nil); !errors.Is(err, oss.ErrNoSuchCORS) {
		t.Errorf("CORS of a new bucket: %v", err)
	}
	if err := c.PutBucketCORS(ctx, "bucket", corsRules, nil); err != nil {
		t.Fatal(err)
	}
	cors, err := c.GetBucketCORS(ctx, "bucket", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(corsRules, *cors); diff != "" {
		t.Errorf("CORS (-want +got):\n%s", diff)
	}
	if _, err := c.GetBucketLifecycle(ctx, "bucket", nil); !errors.Is(err, oss.ErrNoSuchLifecycle) {
		t.Errorf("lifecycle of a new bucket: %v", err)
	}
	if err := c.PutBucketLifecycle(ctx, "bucket", lifecycleRules, nil); err != nil {
		t.Fatal(err)
	}
	rules, err := c.GetBucketLifecycle(ctx, "bucket", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lifecycleRules, rules); diff != "" {
		t.Errorf("lifecycle (-want +got):\n%s", diff)
	}
	for range 2 {
		if err := errors.Join(c.DeleteBucketCORS(ctx, "bucket", nil),
			c.DeleteBucketLifecycle(ctx, "bucket", nil)); err != nil {
			t.Error(err)
		}
	}
	_, corsErr := c.GetBucketCORS(ctx, "bucket", nil)
	_, rulesErr := c.GetBucketLifecycle(ctx, "bucket", nil)
	if !errors.Is(corsErr, oss.ErrNoSuchCORS) || !errors.Is(rulesErr, oss.ErrNoSuchLifecycle) {
		t.Errorf("after deleting: %v, %v", corsErr, rulesErr)
	}
}

// A rule that was read and is written again must not lose what this package does not know.
func TestARuleWithMoreToItIsNotWritten(t *testing.T) {
	for _, more := range []string{
		"<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>",
		"<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>IA</StorageClass>" +
			"</NoncurrentVersionTransition>",
		"<Transition><Days>1</Days><StorageClass>IA</StorageClass><IsAccessTime>true</IsAccessTime></Transition>",
		"<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>",
	} {
		c := play(says(200, "<LifecycleConfiguration><Rule><ID>i</ID><Status>Enabled</Status>"+more+
			"<AbortMultipartUpload><Days>1</Days></AbortMultipartUpload></Rule></LifecycleConfiguration>")).client(t,
			oss.Config{})
		rules, err := c.GetBucketLifecycle(t.Context(), "bucket", nil)
		if err != nil || len(rules) != 1 || !rules[0].Partial {
			t.Errorf("%s: GetBucketLifecycle = %+v, %v, want a partial rule", more, rules, err)
		}
		if err := c.PutBucketLifecycle(t.Context(), "bucket", rules, nil); err == nil ||
			!strings.Contains(err.Error(), "Partial") {
			t.Errorf("%s: PutBucketLifecycle: %v", more, err)
		}
	}
}

// Unfinished uploads are billed until they are aborted; this rule does so after a week.
func ExampleClient_PutBucketLifecycle() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()

	rule := oss.LifecycleRule{ID: "abort-uploads", AbortUploads: oss.Age{Days: 7}}
	if err := client.PutBucketLifecycle(ctx, "bucket", []oss.LifecycleRule{rule}, nil); err != nil {
		fmt.Println(err)
		return
	}
	rules, err := client.GetBucketLifecycle(ctx, "bucket", nil)
	fmt.Println(rules[0].ID, rules[0].AbortUploads.Days, err)
	// Output: abort-uploads 7 <nil>
}
