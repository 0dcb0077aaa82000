package osstest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

const (
	maxLifecycleRules = 1000
	maxLifecycleID    = 255 // bytes
	day               = 24 * time.Hour
)

// putLifecycle is PutBucketLifecycle. The rules are stored; ExpireUploads applies those for uploads.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketlifecycle
func (x *exchange) putLifecycle() (*reply, error) {
	var doc ossxml.LifecycleConfiguration
	if err := x.readConfig(&doc); err != nil {
		return nil, err
	}
	if len(doc.Rules) == 0 || len(doc.Rules) > maxLifecycleRules {
		return nil, malformedBucketXML()
	}
	overlap := x.r.Header.Get("x-oss-allow-same-action-overlap") == "true"
	ids := make(map[string]bool)
	for i := range doc.Rules {
		r := &doc.Rules[i]
		if r.ID == "" {
			r.ID = x.objects.IDs.UploadID() // OSS generates one too
		}
		if err := checkLifecycle(*r); err != nil {
			return nil, err
		}
		if ids[r.ID] {
			return nil, invalidArgument("", "Rule ID must be unique. Found same ID for more than one rule.", "ID", r.ID)
		}
		ids[r.ID] = true
		for _, other := range doc.Rules[:i] {
			if !overlapping(*r, other) {
				continue
			}
			if action := sameAction(*r, other); action != "" && !overlap {
				return nil, invalidArgument("0014-00000084", "Overlap for same action type "+action, "Prefix", r.Prefix)
			}
			if err := checkSequence(*r, other); err != nil {
				return nil, err
			}
		}
	}
	return x.changeConfig(http.StatusOK, func(b *store.Bucket) { b.Lifecycle = &doc })
}

// checkLifecycle checks one rule.
func checkLifecycle(r ossxml.LifecycleRule) error {
	if r.Status != "Enabled" && r.Status != "Disabled" || len(r.ID) > maxLifecycleID {
		return malformedBucketXML()
	}
	actions := len(r.Transitions) + len(r.NoncurrentTransitions)
	dated, counted := false, false
	for _, t := range r.Transitions {
		if err := checkDue(t.Days, t.CreatedBeforeDate); err != nil {
			return err
		}
		if t.StorageClass == "Standard" || !slices.Contains(storageClasses, t.StorageClass) {
			return invalidArgument("", "The storage class of a transition is invalid.", "StorageClass", t.StorageClass)
		}
		dated, counted = dated || t.Days == 0, counted || t.Days != 0
	}
	for _, t := range r.NoncurrentTransitions {
		if t.NoncurrentDays < 1 || !slices.Contains(storageClasses, t.StorageClass) {
			return malformedBucketXML()
		}
	}
	if e := r.Expiration; e != nil {
		actions++
		marker := e.ExpiredObjectDeleteMarker != nil && *e.ExpiredObjectDeleteMarker
		if date := e.CreatedBeforeDate + e.Date; marker {
			if e.Days != 0 || date != "" {
				return malformedBucketXML()
			}
		} else if err := checkDue(e.Days, date); err != nil {
			return err
		}
		dated, counted = dated || e.Days == 0 && !marker, counted || e.Days != 0
	}
	if a := r.AbortMultipartUpload; a != nil {
		actions++
		if err := checkDue(a.Days, a.CreatedBeforeDate); err != nil {
			return err
		}
	}
	if n := r.NoncurrentExpiration; n != nil {
		actions++
		if n.NoncurrentDays < 1 {
			return malformedBucketXML()
		}
	}
	switch {
	case actions == 0:
		return malformedBucketXML()
	case dated && counted: // a rule has days or dates, not both
		return refuse(http.StatusBadRequest, "InvalidRequest", "0014-00000080",
			"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule.")
	}
	return checkSequence(r)
}

// checkSequence checks that an object that these rules apply to moves to colder storage classes only, and is deleted
// last.
//
// See https://help.aliyun.com/en/oss/user-guide/0014-00000082
func checkSequence(rules ...ossxml.LifecycleRule) error {
	var steps []ossxml.LifecycleTransition
	for _, r := range rules {
		steps = append(steps, r.Transitions...)
		if r.Expiration != nil {
			steps = append(steps, ossxml.LifecycleTransition{Days: r.Expiration.Days})
		}
	}
	rank := func(t ossxml.LifecycleTransition) int {
		if t.StorageClass == "" {
			return len(storageClasses) // deleted
		}
		return slices.Index(storageClasses, t.StorageClass)
	}
	for _, early := range steps {
		for _, late := range steps {
			if early.Days != 0 && late.Days != 0 && rank(early) < rank(late) && early.Days >= late.Days {
				return invalidArgument("0014-00000082",
					"The time of an action must be later than those of the actions before it.",
					"Days", strconv.Itoa(late.Days))
			}
		}
	}
	return nil
}

// overlapping reports whether both rules can apply to the same object.
func overlapping(a, b ossxml.LifecycleRule) bool {
	nested := strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)
	return nested && len(a.Tags)+len(b.Tags) == 0 && a.Filter == nil && b.Filter == nil
}

// checkDue checks that an action has either a number of days or a date at midnight.
func checkDue(days int, date string) error {
	if days < 0 || (days == 0) == (date == "") {
		return malformedBucketXML()
	}
	if date == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, date)
	if err != nil || !t.Equal(t.Truncate(day)) {
		return invalidArgument("", "'Date' must be at midnight GMT", "CreatedBeforeDate", date)
	}
	return nil
}

// sameAction returns the name of an action of both rules, "" if there is none.
func sameAction(a, b ossxml.LifecycleRule) string {
	switch {
	case a.Expiration != nil && b.Expiration != nil:
		return "Expiration"
	case a.AbortMultipartUpload != nil && b.AbortMultipartUpload != nil:
		return "AbortMultipartUpload"
	case a.NoncurrentExpiration != nil && b.NoncurrentExpiration != nil:
		return "NoncurrentVersionExpiration"
	}
	return ""
}

// getLifecycle is GetBucketLifecycle.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketlifecycle
func (x *exchange) getLifecycle() (*reply, error) {
	doc := x.objects.Bucket(x.bucket).Lifecycle
	if doc == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchLifecycle", "", "No Row found in Lifecycle Table.", "BucketName",
			x.bucket)
	}
	return xmlReply(http.StatusOK, doc), nil
}

// deleteLifecycle is DeleteBucketLifecycle.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucketlifecycle
func (x *exchange) deleteLifecycle() (*reply, error) {
	return x.changeConfig(http.StatusNoContent, func(b *store.Bucket) { b.Lifecycle = nil })
}

// ExpireUploads applies the lifecycle rules for unfinished uploads, as OSS does once a day: it aborts the uploads that
// are due at now, and returns them as they were before, sorted like Uploads. Rules for objects are not applied.
// ExpireUploads panics if the change cannot be written, as when a disk is full.
//
// See https://help.aliyun.com/en/oss/user-guide/lifecycle-rules-based-on-the-last-modified-time
func (s *Server) ExpireUploads(now time.Time) []Upload {
	var expired []Upload
	for _, u := range s.Uploads() {
		if !s.isDue(u, now) {
			continue
		}
		switch err := s.objects.Abort(store.Name{Bucket: u.Bucket, Key: u.Key}, u.ID); {
		case err == nil:
			expired = append(expired, u)
		case !errors.Is(err, store.ErrNoUpload): // otherwise a request completed or aborted it meanwhile
			panic("osstest: " + err.Error())
		}
	}
	return expired
}

// isDue reports whether a lifecycle rule aborts an upload at now.
func (s *Server) isDue(u Upload, now time.Time) bool {
	doc := s.objects.Bucket(u.Bucket).Lifecycle
	if doc == nil {
		return false
	}
	return slices.ContainsFunc(doc.Rules, func(r ossxml.LifecycleRule) bool {
		a := r.AbortMultipartUpload
		if a == nil || r.Status != "Enabled" || !strings.HasPrefix(u.Key, r.Prefix) || !hasTags(u.Header, r.Tags) {
			return false
		}
		if a.Days != 0 {
			return !now.Before(u.Time.Add(time.Duration(a.Days) * day))
		}
		before, err := time.Parse(time.RFC3339, a.CreatedBeforeDate)
		return err == nil && u.Time.Before(before) && !now.Before(before)
	})
}

// hasTags reports whether a header has all these tags in x-oss-tagging.
func hasTags(h http.Header, want []ossxml.Tag) bool {
	has := maps.Collect(tagsOf(h))
	for _, t := range want {
		if value, ok := has[t.Key]; !ok || value != t.Value {
			return false
		}
	}
	return true
}
