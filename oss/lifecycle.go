package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A LifecycleRule tells OSS what to do, once a day, with old objects and unfinished uploads. It has at least one
// action.
type LifecycleRule struct {
	ID       string            // up to 255 bytes; empty lets OSS choose one
	Prefix   string            // of the keys that it is for; empty means all
	Tags     map[string]string // that the objects must have
	Disabled bool              // the rule is kept and does nothing

	AbortUploads Age // when unfinished uploads are aborted, by the time they were begun; zero means never
	Expire       Age // when objects are deleted; zero means never

	Transitions []Transition // when objects change their class

	// For versioned buckets: ExpireNoncurrentDays is the number of days after which a version that is no longer current
	// is deleted, and 0 means never. ExpireLoneDeleteMarkers deletes delete markers that have no older version.
	ExpireNoncurrentDays    int
	ExpireLoneDeleteMarkers bool

	// Partial says that the rule has further settings, such as a filter or the time of the last access, which this type
	// cannot hold. PutBucketLifecycle refuses such a rule; use Do instead.
	Partial bool
}

// An Age is a number of days or a date. Exactly one of the fields is set.
type Age struct {
	Days   int       // since the object was changed or the upload begun
	Before time.Time // at 00:00 UTC
}

// A Transition gives objects another class.
type Transition struct {
	Age
	StorageClass StorageClass
}

// maxRules is how many rules a bucket can have.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketlifecycle
const (
	maxRules  = 1000
	maxRuleID = 255 // bytes
	day       = 24 * time.Hour
)

// check refuses an age that OSS does not take.
func (a Age) check(action string) error {
	switch {
	case a.Days < 0, a.Days > 0 && !a.Before.IsZero(), a.Days == 0 && a.Before.IsZero():
		return fmt.Errorf("%s: one of Days and Before must be set, not %d and %v", action, a.Days, a.Before)
	case !a.Before.IsZero() && !a.Before.Equal(a.Before.UTC().Truncate(day)):
		return fmt.Errorf("%s: %v is not 00:00 UTC", action, a.Before)
	}
	return nil
}

func (a Age) date() string {
	if a.Before.IsZero() {
		return ""
	}
	return a.Before.UTC().Format(ossxml.TimeFormat)
}

// check refuses a rule that OSS does not take.
func (r *LifecycleRule) check() error {
	var errs []error
	if r.AbortUploads != (Age{}) {
		errs = append(errs, r.AbortUploads.check("AbortUploads"))
	}
	if r.Expire != (Age{}) {
		errs = append(errs, r.Expire.check("Expire"))
	}
	byDays, byDate := r.Expire.Days > 0, !r.Expire.Before.IsZero()
	for _, t := range r.Transitions {
		errs = append(errs, t.check("Transitions"), t.StorageClass.check())
		if t.StorageClass == "" {
			errs = append(errs, errors.New("field Transitions: the StorageClass is empty"))
		}
		byDays, byDate = byDays || t.Days > 0, byDate || !t.Before.IsZero()
	}
	if byDays && byDate {
		errs = append(errs, errors.New("fields Expire and Transitions mix Days and Before"))
	}
	_, tagErr := encodeTags(r.Tags)
	switch errs = append(errs, tagErr, checkListed("LifecycleRule", r.Prefix, "", "")); {
	case r.Partial:
		return errors.New("field Partial is set: the rule has more to it than would be written")
	case len(r.ID) > maxRuleID:
		return fmt.Errorf("the ID has %d bytes, more than %d", len(r.ID), maxRuleID)
	case r.ExpireNoncurrentDays < 0:
		return fmt.Errorf("field ExpireNoncurrentDays %d is negative", r.ExpireNoncurrentDays)
	case r.Expire != (Age{}) && r.ExpireLoneDeleteMarkers:
		return errors.New("fields Expire and ExpireLoneDeleteMarkers exclude each other")
	case r.AbortUploads == (Age{}) && r.Expire == (Age{}) && len(r.Transitions) == 0 &&
		r.ExpireNoncurrentDays == 0 && !r.ExpireLoneDeleteMarkers:
		return errors.New("there is no action")
	}
	return cmp.Or(errs...)
}

// document returns the rule as OSS knows it.
func (r *LifecycleRule) document() ossxml.LifecycleRule {
	doc := ossxml.LifecycleRule{ID: r.ID, Prefix: r.Prefix, Status: "Enabled"}
	if r.Disabled {
		doc.Status = "Disabled"
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tags)) {
		doc.Tags = append(doc.Tags, ossxml.Tag{Key: name, Value: r.Tags[name]})
	}
	if r.Expire != (Age{}) || r.ExpireLoneDeleteMarkers {
		doc.Expiration = &ossxml.LifecycleExpiration{Days: r.Expire.Days, CreatedBeforeDate: r.Expire.date()}
		if r.ExpireLoneDeleteMarkers {
			doc.Expiration.ExpiredObjectDeleteMarker = &r.ExpireLoneDeleteMarkers
		}
	}
	for _, t := range r.Transitions {
		doc.Transitions = append(doc.Transitions, ossxml.LifecycleTransition{
			Days: t.Days, CreatedBeforeDate: t.date(), StorageClass: string(t.StorageClass),
		})
	}
	if r.AbortUploads != (Age{}) {
		doc.AbortMultipartUpload = &ossxml.LifecycleAbort{Days: r.AbortUploads.Days,
			CreatedBeforeDate: r.AbortUploads.date()}
	}
	if r.ExpireNoncurrentDays > 0 {
		doc.NoncurrentExpiration = &ossxml.NoncurrentExpiration{NoncurrentDays: r.ExpireNoncurrentDays}
	}
	return doc
}

// lifecycleRule reads a rule.
func lifecycleRule(doc ossxml.LifecycleRule) (r LifecycleRule, err error) {
	age := func(days int, date string) (a Age) {
		a.Days = days
		if date != "" && err == nil {
			a.Before, err = time.Parse(time.RFC3339, date)
		}
		return a
	}
	r = LifecycleRule{
		ID: doc.ID, Prefix: doc.Prefix, Disabled: doc.Status != "Enabled",
		Partial: doc.Filter != nil || len(doc.NoncurrentTransitions) > 0,
	}
	for _, t := range doc.Tags {
		if r.Tags == nil {
			r.Tags = make(map[string]string)
		}
		r.Tags[t.Key] = t.Value
	}
	if e := doc.Expiration; e != nil {
		r.Expire = age(e.Days, cmp.Or(e.CreatedBeforeDate, e.Date))
		r.ExpireLoneDeleteMarkers = e.ExpiredObjectDeleteMarker != nil && *e.ExpiredObjectDeleteMarker
		r.Partial = r.Partial || e.Date != ""
	}
	for _, t := range doc.Transitions {
		r.Transitions = append(r.Transitions,
			Transition{age(t.Days, t.CreatedBeforeDate), StorageClass(t.StorageClass)})
		r.Partial = r.Partial || t.IsAccessTime != nil || t.ReturnToStdWhenVisit != nil || t.AllowSmallFile != nil
	}
	if a := doc.AbortMultipartUpload; a != nil {
		r.AbortUploads = age(a.Days, a.CreatedBeforeDate)
	}
	if n := doc.NoncurrentExpiration; n != nil {
		r.ExpireNoncurrentDays = n.NoncurrentDays
	}
	return r, err
}

// PutBucketLifecycle replaces the lifecycle rules of a bucket, 1 to 1,000. A rule with AbortUploads prevents unfinished
// uploads from being billed forever.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketlifecycle
func (c *Client) PutBucketLifecycle(
	ctx context.Context, bucket string, rules []LifecycleRule, opts *BucketOptions,
) error {
	r, err := opts.request("PutBucketLifecycle", http.MethodPut, bucket, "lifecycle")
	if err != nil {
		return err
	}
	if n := len(rules); n < 1 || n > maxRules {
		return fmt.Errorf("oss: %d lifecycle rules are not 1 to %d", n, maxRules)
	}
	var doc ossxml.LifecycleConfiguration
	for i := range rules {
		if err := rules[i].check(); err != nil {
			return fmt.Errorf("oss: lifecycle rule %d: %w", i+1, err)
		}
		doc.Rules = append(doc.Rules, rules[i].document())
	}
	_, err = c.sendDocument(ctx, r, doc)
	return err
}

// GetBucketLifecycle returns the lifecycle rules of a bucket. If it has none, the error is ErrNoSuchLifecycle.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketlifecycle
func (c *Client) GetBucketLifecycle(ctx context.Context, bucket string, opts *BucketOptions) ([]LifecycleRule, error) {
	r, err := opts.request("GetBucketLifecycle", http.MethodGet, bucket, "lifecycle")
	if err != nil {
		return nil, err
	}
	var rules []LifecycleRule
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.LifecycleConfiguration) error {
		rules = nil
		for _, d := range doc.Rules {
			rule, err := lifecycleRule(d)
			if err != nil {
				return err
			}
			rules = append(rules, rule)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return rules, nil
}

// DeleteBucketLifecycle removes all lifecycle rules of a bucket. It returns nil if there are none.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucketlifecycle
func (c *Client) DeleteBucketLifecycle(ctx context.Context, bucket string, opts *BucketOptions) error {
	r, err := opts.request("DeleteBucketLifecycle", http.MethodDelete, bucket, "lifecycle")
	if err != nil {
		return err
	}
	_, err = c.sendEmpty(ctx, r)
	return err
}
