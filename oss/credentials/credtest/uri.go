package credtest

import (
	"net/http"
	"sync"

	"github.com/ossmultipart/go-oss/signer"
)

// URI answers every GET with new keys, or with those of Set.
type URI struct {
	Faults
	*Issuer

	state sync.Mutex
	keys  *signer.Credentials
}

// NewURI returns such a server.
func NewURI(opts *Options) *URI {
	var o Options
	if opts != nil {
		o = *opts
	}
	return &URI{Issuer: newIssuer("uri", o)}
}

// Set makes the server answer with these keys from now on.
func (u *URI) Set(keys signer.Credentials) {
	u.state.Lock()
	defer u.state.Unlock()
	u.keys = &keys
}

// ServeHTTP answers with keys.
func (u *URI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u.struck(w, r) {
		return
	}
	u.date(w)
	if r.Method != http.MethodGet {
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	u.state.Lock()
	set := u.keys
	u.state.Unlock()
	keys := signer.Credentials{}
	if set != nil {
		keys = *set
	} else {
		keys = u.issue(u.opts.Life)
	}
	d := document(keys)
	d["Code"] = "Success"
	writeJSON(w, http.StatusOK, d)
}
