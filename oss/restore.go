package oss

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A RestoreTier says how fast an object is restored. It is for the classes ColdArchive and DeepColdArchive.
//
// See https://help.aliyun.com/en/oss/user-guide/restore-objects
type RestoreTier string

// The tiers, with the time that they take for ColdArchive.
const (
	RestoreExpedited RestoreTier = "Expedited" // within 1 hour
	RestoreStandard  RestoreTier = "Standard"  // 2 to 5 hours
	RestoreBulk      RestoreTier = "Bulk"      // 5 to 12 hours; not for DeepColdArchive
)

// RestoreOptions are the options of RestoreObject. The zero value and nil are the defaults.
type RestoreOptions struct {
	VersionID string      // empty means the current version
	Days      int         // how long the object stays readable; 0 means 1
	Tier      RestoreTier // empty leaves it to OSS
	Header    http.Header // further headers
}

// maxRestoreDays is that of the classes with the most.
const maxRestoreDays = 365

// RestoreObject makes an archived object readable for some days, or extends that time. Restoring takes minutes to
// hours; the header x-oss-restore of HeadObject tells the state. Until it is done, another request fails with
// ErrRestoreInProgress, unless it repeats one whose reply was lost. OSS refuses objects that are not archived.
//
// See https://help.aliyun.com/en/oss/developer-reference/restoreobject
func (c *Client) RestoreObject(ctx context.Context, bucket, key string, opts *RestoreOptions) error {
	var o RestoreOptions
	if opts != nil {
		o = *opts
	}
	if o.Days < 0 || o.Days > maxRestoreDays {
		return fmt.Errorf("oss: RestoreOptions.Days %d is not between 0 and %d", o.Days, maxRestoreDays)
	}
	if err := checkKind("RestoreOptions.Tier", o.Tier, RestoreExpedited, RestoreStandard, RestoreBulk); err != nil {
		return err
	}
	version := &VersionOptions{VersionID: o.VersionID, Header: o.Header}
	r, err := version.request("RestoreObject", http.MethodPost, bucket, key, "restore", "")
	if err != nil {
		return err
	}
	r.Repeat = RepeatAlways
	if o.Days > 0 || o.Tier != "" {
		doc := ossxml.RestoreRequest{Days: strconv.Itoa(max(o.Days, 1))}
		if o.Tier != "" {
			doc.Job = &ossxml.Job{Tier: string(o.Tier)}
		}
		_, err = c.sendDocument(ctx, r, doc)
	} else {
		_, err = c.sendEmpty(ctx, r)
	}
	var refused *ServiceError
	if errors.As(err, &refused) && refused.Code == ErrRestoreInProgress && refused.Attempts > 1 {
		return nil
	}
	return err
}
