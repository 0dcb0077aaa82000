package osstest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// restoreTimes are the durations of a restore, by storage class and tier. Where OSS documents a range, it is the
// longest.
//
// See https://help.aliyun.com/en/oss/user-guide/restore-objects
var restoreTimes = map[string]map[string]time.Duration{
	"Archive":         {"": time.Minute},
	"ColdArchive":     {"Expedited": time.Hour, "Standard": 5 * time.Hour, "Bulk": 12 * time.Hour},
	"DeepColdArchive": {"Expedited": 12 * time.Hour, "Standard": 48 * time.Hour},
}

// maxRestoreDays is the maximum number of days for which a restored object is readable, by storage class.
var maxRestoreDays = map[string]int{"Archive": 7, "ColdArchive": 365, "DeepColdArchive": 365}

// isArchived reports whether o must be restored before it can be read. A symbolic link never must.
func isArchived(o *store.Object) bool {
	return restoreTimes[storageClass(o.Header)] != nil && o.Type != symlink
}

// isReadable reports whether the content of o can be read at now.
func isReadable(o *store.Object, now time.Time) bool {
	return !isArchived(o) || !now.Before(o.ReadableFrom) && now.Before(o.ReadableUntil)
}

// restoreState returns the x-oss-restore of o at now, "" if it was not restored.
//
// See https://help.aliyun.com/en/oss/developer-reference/headobject
func restoreState(o *store.Object, now time.Time) string {
	switch {
	case !isArchived(o) || !now.Before(o.ReadableUntil):
		return ""
	case now.Before(o.ReadableFrom):
		return `ongoing-request="true"`
	}
	return fmt.Sprintf(`ongoing-request="false", expiry-date="%s"`, o.ReadableUntil.Format(http.TimeFormat))
}

// setRestore sets x-oss-restore.
func (x *exchange) setRestore(h http.Header, o *store.Object) {
	if state := restoreState(o, x.now()); state != "" {
		h.Set("x-oss-restore", state)
	}
}

// ECs of InvalidObjectState.
//
// See https://help.aliyun.com/en/oss/user-guide/0016-00000404
const (
	ecFrozen       = "0016-00000404"
	ecFrozenSource = "0016-00000330"
)

// checkReadable refuses to read an archived object that is not restored. The EC depends on the operation.
func (x *exchange) checkReadable(o *store.Object, ec string) error {
	if isReadable(o, x.now()) {
		return nil
	}
	return refuse(http.StatusForbidden, "InvalidObjectState", ec, "The operation is not valid for the object's state",
		"ObjectName", o.Key)
}

// restoreObject is RestoreObject. The object becomes readable after some time, by the clock of the Server, for some
// days. A second request is refused before the object is readable, and extends the days afterwards.
//
// See https://help.aliyun.com/en/oss/developer-reference/restoreobject
func (x *exchange) restoreObject() (*reply, error) {
	var doc ossxml.RestoreRequest
	body, err := x.readBody(maxDocument)
	if err != nil {
		return nil, err
	}
	if err := ossxml.Decode(body, &doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, restoreMalformed()
	}
	o, err := x.openObject()
	if err != nil {
		return nil, err
	}
	defer o.Content.Release()
	if !isArchived(o) { // see https://help.aliyun.com/en/oss/user-guide/0016-00000702
		return nil, refuse(http.StatusBadRequest, "OperationNotSupported", "0016-00000702",
			"The operation is not supported for this resource")
	}
	days, tier, takes, err := parseRestore(doc, storageClass(o.Header))
	if err != nil {
		return nil, err
	}
	now, status := x.now(), http.StatusAccepted
	_, err = x.changeObject(status, func(o *store.Object) error {
		switch {
		case now.Before(o.ReadableFrom):
			return refuse(http.StatusConflict, "RestoreAlreadyInProgress", "0016-00000701",
				"The restore operation is in progress.")
		case isReadable(o, now):
			status = http.StatusOK
		default:
			o.ReadableFrom, o.ReadableUntil = now.Add(takes), time.Time{}
		}
		if until := latest(now, o.ReadableFrom).Add(time.Duration(days) * day); until.After(o.ReadableUntil) {
			o.ReadableUntil = until
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(status)
	if tier != "" {
		rep.header.Set("x-oss-object-restore-priority", tier)
	}
	x.setVersion(rep.header, o)
	return rep, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// parseRestore returns the parameters of a RestoreObject.
//
// See https://help.aliyun.com/en/oss/user-guide/0016-00000703 and 0016-00000704, and -708 for Archive.
func parseRestore(doc ossxml.RestoreRequest, class string) (days int, tier string, takes time.Duration, err error) {
	days = 1
	if doc.Days != "" {
		n, err := strconv.Atoi(doc.Days)
		if err != nil || n < 0 || n > maxRestoreDays[class] {
			ec := "0016-00000704"
			if class == "Archive" {
				ec = "0016-00000708"
			}
			return 0, "", 0, invalidArgument(ec,
				"Days must be an integer between 1 and "+strconv.Itoa(maxRestoreDays[class])+".", "Days", doc.Days)
		}
		days = max(n, 1) // the official SDK for Go sends 0 for the default
	}
	switch {
	case class == "Archive" && doc.Job != nil:
		return 0, "", 0, restoreMalformed()
	case class != "Archive":
		tier = "Standard"
		if doc.Job != nil {
			tier = doc.Job.Tier
		}
	}
	takes, ok := restoreTimes[class][tier]
	if !ok {
		return 0, "", 0, invalidArgument("0016-00000703", "The Tier you specified is invalid.", "Tier", tier)
	}
	return days, tier, takes, nil
}

func restoreMalformed() *refusal {
	refused := malformedXML()
	refused.ec = "0016-00000706"
	return refused
}
