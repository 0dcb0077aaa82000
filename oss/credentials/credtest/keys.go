package credtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// Options are what all stand-ins have in common.
type Options struct {
	Life    time.Duration            // of the keys they give out; default 1h
	Now     func() time.Time         // their clock, also in the Date of replies; default time.Now
	OnIssue func(signer.Credentials) // told of all new keys, for example to make an OSS accept them; must not call back
}

// An Issuer gives out the temporary keys of a stand-in, and knows them all.
type Issuer struct {
	opts   Options
	prefix string

	mu     sync.Mutex
	issued []signer.Credentials
}

func newIssuer(prefix string, o Options) *Issuer {
	o.Life = cmp.Or(o.Life, time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Issuer{opts: o, prefix: prefix}
}

// Issue gives out new keys, as if they had been asked for.
func (i *Issuer) Issue() signer.Credentials { return i.issue(i.opts.Life) }

// issue returns new keys. The token has characters that must be escaped in a query.
func (i *Issuer) issue(life time.Duration) signer.Credentials {
	i.mu.Lock()
	n := len(i.issued) + 1
	c := signer.Credentials{
		AccessKeyID:     fmt.Sprintf("STS.%s-%d", i.prefix, n),
		AccessKeySecret: fmt.Sprintf("%s-secret-%d", i.prefix, n),
		SecurityToken:   fmt.Sprintf("%s-token/%d+~*==", i.prefix, n),
		Expires:         i.opts.Now().Add(life).UTC().Truncate(time.Second),
	}
	i.issued = append(i.issued, c)
	i.mu.Unlock()
	if i.opts.OnIssue != nil {
		i.opts.OnIssue(c)
	}
	return c
}

// Issued returns all keys that were given out, oldest first.
func (i *Issuer) Issued() []signer.Credentials {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.issued)
}

// date sets the clock of a reply.
func (i *Issuer) date(w http.ResponseWriter) {
	w.Header().Set("Date", i.opts.Now().UTC().Format(http.TimeFormat))
}

// document returns keys in the spelling of STS.
func document(c signer.Credentials) map[string]string {
	d := map[string]string{"AccessKeyId": c.AccessKeyID, "AccessKeySecret": c.AccessKeySecret}
	if c.SecurityToken != "" {
		d["SecurityToken"] = c.SecurityToken
	}
	if !c.Expires.IsZero() {
		d["Expiration"] = c.Expires.UTC().Format("2006-01-02T15:04:05Z")
	}
	return d
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
