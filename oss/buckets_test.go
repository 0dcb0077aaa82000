package oss_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func init() {
	for name, op := range map[string]operation{
		"PutBucket": func(ctx context.Context, c *oss.Client) error {
			return c.PutBucket(ctx, "bucket", &oss.PutBucketOptions{StorageClass: oss.StorageIA})
		},
		"DeleteBucket": func(ctx context.Context, c *oss.Client) error { return c.DeleteBucket(ctx, "bucket", nil) },
		"GetBucketInfo": func(ctx context.Context, c *oss.Client) error {
			info, err := c.GetBucketInfo(ctx, "bucket", nil)
			if err == nil && info.Name != "bucket" {
				return impossible("GetBucketInfo = %+v", info)
			}
			return err
		},
		"GetBucketLocation": func(ctx context.Context, c *oss.Client) error {
			region, err := c.GetBucketLocation(ctx, "bucket", nil)
			if err == nil && (region == "" || strings.HasPrefix(region, "oss-")) {
				return impossible("GetBucketLocation = %q", region)
			}
			return err
		},
		"BucketExists": func(ctx context.Context, c *oss.Client) error {
			_, err := c.BucketExists(ctx, "bucket", nil)
			return err
		},
		"ListBuckets": func(ctx context.Context, c *oss.Client) error {
			page, err := c.ListBuckets(ctx, &oss.ListBucketsOptions{After: "a"})
			if err == nil && (len(page.Buckets) > 0 && page.Buckets[0].Name <= "a" ||
				page.Next != "" && page.Next <= "a") {
				return impossible("ListBuckets = %+v", page)
			}
			return err
		},
		"PutBucketVersioning": func(ctx context.Context, c *oss.Client) error {
			return c.PutBucketVersioning(ctx, "bucket", oss.VersioningEnabled, nil)
		},
		"GetBucketVersioning": func(ctx context.Context, c *oss.Client) error {
			state, err := c.GetBucketVersioning(ctx, "bucket", nil)
			if err == nil && state != "" && state != oss.VersioningEnabled && state != oss.VersioningSuspended {
				return impossible("GetBucketVersioning = %q", state)
			}
			return err
		},
		"PutBucketLifecycle": func(ctx context.Context, c *oss.Client) error {
			return c.PutBucketLifecycle(ctx, "bucket", lifecycleRules, nil)
		},
		"GetBucketLifecycle": func(ctx context.Context, c *oss.Client) error {
			_, err := c.GetBucketLifecycle(ctx, "bucket", nil)
			return err
		},
		"DeleteBucketLifecycle": func(ctx context.Context, c *oss.Client) error {
			return c.DeleteBucketLifecycle(ctx, "bucket", nil)
		},
		"PutBucketCORS": func(ctx context.Context, c *oss.Client) error {
			return c.PutBucketCORS(ctx, "bucket", corsRules, nil)
		},
		"GetBucketCORS": func(ctx context.Context, c *oss.Client) error {
			cors, err := c.GetBucketCORS(ctx, "bucket", nil)
			if err == nil {
				for _, r := range cors.Rules {
					if r.MaxAge < 0 {
						return impossible("GetBucketCORS = %+v", cors)
					}
				}
			}
			return err
		},
		"DeleteBucketCORS": func(ctx context.Context, c *oss.Client) error {
			return c.DeleteBucketCORS(ctx, "bucket", nil)
		},
	} {
		operations[name] = op
	}
	lists["Buckets"] = func(ctx context.Context, c *oss.Client) error {
		last := ""
		for b, err := range c.Buckets(ctx, nil) {
			if err != nil {
				return err
			}
			if b.Name <= last {
				return impossible("Buckets gives %+v after %q", b, last)
			}
			last = b.Name
		}
		return nil
	}
}

func TestABucketIsMadeDescribedAndDeleted(t *testing.T) {
	srv := newServer(t, &osstest.Options{Buckets: []string{}})
	c := srv.Client()
	ctx := t.Context()
	exists := func() bool {
		t.Helper()
		exists, err := c.BucketExists(ctx, "new-bucket", nil)
		if err != nil {
			t.Fatal(err)
		}
		return exists
	}
	if exists() {
		t.Error("the bucket exists before it is made")
	}
	opts := &oss.PutBucketOptions{ACL: oss.ACLPublicRead, StorageClass: oss.StorageIA, Redundancy: oss.RedundancyZRS}
	for range 2 { // one's own bucket is no error
		if err := c.PutBucket(ctx, "new-bucket", opts); err != nil {
			t.Fatal(err)
		}
	}
	info, err := c.GetBucketInfo(ctx, "new-bucket", nil)
	if err != nil || !exists() {
		t.Fatalf("GetBucketInfo: %v", err)
	}
	if info.Created.IsZero() || info.Owner.ID == "" || info.ExtranetEndpoint == "" || info.IntranetEndpoint == "" {
		t.Errorf("bucket is %+v", info)
	}
	want := oss.BucketInfo{
		Name: "new-bucket", Region: "cn-hangzhou", ExtranetEndpoint: info.ExtranetEndpoint,
		IntranetEndpoint: info.IntranetEndpoint,
		Created:          info.Created, StorageClass: oss.StorageIA, Redundancy: oss.RedundancyZRS,
		ACL: oss.ACLPublicRead, Owner: info.Owner,
	}
	if diff := cmp.Diff(want, *info); diff != "" {
		t.Errorf("bucket (-want +got):\n%s", diff)
	}
	if region, err := c.GetBucketLocation(ctx, "new-bucket", nil); region != "cn-hangzhou" || err != nil {
		t.Errorf("GetBucketLocation = %q, %v", region, err)
	}
	if err := c.PutBucket(ctx, "new-bucket",
		&oss.PutBucketOptions{StorageClass: oss.StorageArchive}); !errors.Is(err, oss.ErrBucketExists) {
		t.Errorf("PutBucket of another class: %v", err)
	}
	srv.PutObject("new-bucket", "key", nil)
	if err := c.DeleteBucket(ctx, "new-bucket", nil); !errors.Is(err, oss.ErrBucketNotEmpty) {
		t.Errorf("DeleteBucket with an object: %v", err)
	}
	if err := c.DeleteObject(ctx, "new-bucket", "key", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteBucket(ctx, "new-bucket", nil); err != nil || exists() {
		t.Errorf("DeleteBucket: %v", err)
	}
	if err := c.DeleteBucket(ctx, "new-bucket", nil); !errors.Is(err, oss.ErrNoSuchBucket) {
		t.Errorf("DeleteBucket again: %v", err)
	}
	if _, err := c.GetBucketLocation(ctx, "new-bucket", nil); !errors.Is(err, oss.ErrNoSuchBucket) {
		t.Errorf("GetBucketLocation of none: %v", err)
	}
}

func TestDeleteBucketWhoseReplyIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
		defer srv.Close()
		lost := srv.Inject(osstest.Fault{Op: "DeleteBucket", Times: 1, Effect: osstest.LoseReply()})
		if err := srv.Client().DeleteBucket(t.Context(), "bucket", nil); err != nil || lost.Fired() != 1 {
			t.Errorf("DeleteBucket: %v", err)
		}
	})
}

func TestBucketsAreListed(t *testing.T) {
	srv := newServer(t, &osstest.Options{Buckets: []string{"a-1", "a-2", "a-3", "b-1"}})
	for _, size := range []int{0, 1, 2, 4} {
		for prefix, want := range map[string][]string{"": {"a-1", "a-2", "a-3", "b-1"}, "a": {"a-1", "a-2", "a-3"}} {
			var got []string
			for b, err := range srv.Client().Buckets(t.Context(),
				&oss.ListBucketsOptions{Prefix: prefix, PageSize: size}) {
				if err != nil {
					t.Fatal(err)
				}
				if b.Region != "cn-hangzhou" || b.Created.IsZero() ||
					b.StorageClass != oss.StorageStandard || b.ExtranetEndpoint == "" {
					t.Errorf("bucket is %+v", b)
				}
				got = append(got, b.Name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("buckets of %q by %d (-want +got):\n%s", prefix, size, diff)
			}
		}
	}
	page, err := srv.Client().ListBuckets(t.Context(), &oss.ListBucketsOptions{After: "a-2"})
	if err != nil || len(page.Buckets) != 2 || page.Owner.ID == "" {
		t.Errorf("ListBuckets = %+v, %v", page, err)
	}
}

func TestRepliesAboutBucketsThatOSSCannotHaveSentAreRefused(t *testing.T) {
	list := func(inside string) answer {
		return says(200, "<ListAllMyBucketsResult>"+inside+"</ListAllMyBucketsResult>")
	}
	const b = "<Buckets><Bucket><Name>b</Name></Bucket></Buckets>"
	for _, tt := range []struct {
		name, op string
		reply    answer
		want     string // in the error
	}{
		{"bucket that is not behind the position", "ListBuckets",
			list("<Buckets><Bucket><Name>a</Name></Bucket></Buckets>"), `"a" after "a"`},
		{"impossible name", "ListBuckets", list("<Buckets><Bucket><Name>b/c</Name></Bucket></Buckets>"), "bucket name"},
		{"truncated without a marker", "ListBuckets", list("<IsTruncated>true</IsTruncated>" + b), "continues at"},
		{"the same page for ever", "Buckets", list("<IsTruncated>true</IsTruncated><NextMarker>b</NextMarker>" + b),
			`"b" after "b"`},
		{"another bucket", "GetBucketInfo", says(200, "<BucketInfo><Bucket><Name>other</Name></Bucket></BucketInfo>"),
			`"other"`},
		{"no location", "GetBucketLocation", says(200, "<LocationConstraint/>"), "location"},
		{"unknown state", "GetBucketVersioning",
			says(200, "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"), `"On"`},
		{"negative age", "GetBucketCORS",
			says(200, "<CORSConfiguration><CORSRule><MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule></CORSConfiguration>"),
			"-1 seconds"},
		{"date that is none", "GetBucketLifecycle",
			says(200, "<LifecycleConfiguration><Rule><Expiration><CreatedBeforeDate>x</CreatedBeforeDate>"+
				"</Expiration></Rule></LifecycleConfiguration>"), "cannot parse"},
		{"no grant", "GetObjectACL", says(200, "<AccessControlPolicy/>"), "no grant"},
		{"tag twice", "GetObjectTagging",
			says(200, "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>"), "2 tags"},
		{"link to nothing", "GetSymlink", says(200, ""), "key is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := operations[tt.op]
			if op == nil {
				op = lists[tt.op]
			}
			err := op(t.Context(), play(tt.reply).client(t, oss.Config{Retry: oss.Retry{Attempts: 1}}))
			if _, bad := err.(impossibleResult); bad || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want an error with %q", tt.op, err, tt.want)
			}
		})
	}
}

func TestBadBucketArgumentsAreNamedBeforeAnyRequest(t *testing.T) {
	c := play(func(*http.Request, string) (*http.Response, error) { panic("a request is sent") }).client(t,
		oss.Config{})
	ctx := t.Context()
	put := func(name string, o oss.PutBucketOptions) error { return c.PutBucket(ctx, name, &o) }
	cors := func(rules ...oss.CORSRule) error {
		return c.PutBucketCORS(ctx, "bucket", oss.BucketCORS{Rules: rules}, nil)
	}
	rule := func(r oss.LifecycleRule) error {
		return c.PutBucketLifecycle(ctx, "bucket", []oss.LifecycleRule{r}, nil)
	}
	one := func(change func(*oss.CORSRule)) oss.CORSRule {
		r := oss.CORSRule{Origins: []string{"*"}, Methods: []string{"GET"}}
		change(&r)
		return r
	}
	_, pageErr := c.ListBuckets(ctx, &oss.ListBucketsOptions{PageSize: 1001})
	for _, tt := range []struct {
		name, want string
		err        error
	}{
		{"no bucket", "bucket name is empty", put("", oss.PutBucketOptions{})},
		{"underscore", "new bucket", put("a_b", oss.PutBucketOptions{})},
		{"ACL of objects", `"default" is for objects`, put("bucket", oss.PutBucketOptions{ACL: oss.ACLDefault})},
		{"ACL", `ACL "open"`, put("bucket", oss.PutBucketOptions{ACL: "open"})},
		{"class", `StorageClass "cold"`, put("bucket", oss.PutBucketOptions{StorageClass: "cold"})},
		{"redundancy", `Redundancy "RAID"`, put("bucket", oss.PutBucketOptions{Redundancy: "RAID"})},
		{"versioning", `versioning "On"`, c.PutBucketVersioning(ctx, "bucket", "On", nil)},
		{"page size", "page size 1001", pageErr},
		{"no CORS rules", "0 rules", cors()},
		{"11 CORS rules", "11 rules", cors(make([]oss.CORSRule, 11)...)},
		{"no origin", "needs Origins", cors(oss.CORSRule{Methods: []string{"GET"}})},
		{"method", `method "PATCH"`, cors(one(func(r *oss.CORSRule) { r.Methods = []string{"PATCH"} }))},
		{"two asterisks", `"*.*"`, cors(one(func(r *oss.CORSRule) { r.Origins = []string{"*.*"} }))},
		{"exposed asterisk", `exposed header "*"`, cors(one(func(r *oss.CORSRule) { r.Expose = []string{"*"} }))},
		{"half a second", "MaxAge", cors(one(func(r *oss.CORSRule) { r.MaxAge = time.Second / 2 }))},
		{"no lifecycle rules", "0 lifecycle rules", c.PutBucketLifecycle(ctx, "bucket", nil, nil)},
		{"no action", "no action", rule(oss.LifecycleRule{ID: "i"})},
		{"long ID", "256 bytes", rule(oss.LifecycleRule{ID: strings.Repeat("i", 256), AbortUploads: oss.Age{Days: 1}})},
		{"negative days", "AbortUploads", rule(oss.LifecycleRule{AbortUploads: oss.Age{Days: -1}})},
		{"days and date", "Expire", rule(oss.LifecycleRule{Expire: oss.Age{Days: 1, Before: time.Unix(0, 0)}})},
		{"days here and a date there", "mix", rule(oss.LifecycleRule{Expire: oss.Age{Before: time.Unix(0, 0)},
			Transitions: []oss.Transition{{Age: oss.Age{Days: 1}, StorageClass: oss.StorageIA}}})},
		{"noon", "00:00 UTC", rule(oss.LifecycleRule{Expire: oss.Age{Before: time.Unix(43200, 0)}})},
		{"transition without a class", "StorageClass",
			rule(oss.LifecycleRule{Transitions: []oss.Transition{{Age: oss.Age{Days: 1}}}})},
		{"transition without a time", "Transitions",
			rule(oss.LifecycleRule{Transitions: []oss.Transition{{StorageClass: oss.StorageIA}}})},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, tt.err, tt.want)
		}
	}
}
