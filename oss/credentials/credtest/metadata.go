package credtest

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// MetadataHost is where instances reach their metadata service.
const MetadataHost = "100.100.100.200"

// MetadataOptions shape a Metadata.
type MetadataOptions struct {
	Role       string        // attached to the instance; default "credtest-role"
	NoTokens   bool          // knows the normal mode only
	Hardened   bool          // refuses requests without a token
	RenewAfter time.Duration // age at which keys are replaced; default half of Life
	Options
}

// Metadata is the metadata service of an ECS instance, as far as it has keys: a token by PUT, the name of the role,
// the keys of the role.
//
// See https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
type Metadata struct {
	Faults
	*Issuer
	opts MetadataOptions

	state  sync.Mutex
	role   string
	keys   signer.Credentials
	tokens map[string]time.Time // and when they end
	serial int
	plain  int // requests without a token
}

// NewMetadata returns a metadata service.
func NewMetadata(opts *MetadataOptions) *Metadata {
	m := &Metadata{tokens: make(map[string]time.Time)}
	if opts != nil {
		m.opts = *opts
	}
	m.Issuer = newIssuer("ecs", m.opts.Options)
	m.opts.RenewAfter = cmp.Or(m.opts.RenewAfter, m.Issuer.opts.Life/2)
	m.role = cmp.Or(m.opts.Role, "credtest-role")
	return m
}

// SetRole attaches another role, or none if the name is empty. The keys of the old one are no longer served.
func (m *Metadata) SetRole(name string) {
	m.state.Lock()
	defer m.state.Unlock()
	m.role, m.keys = name, signer.Credentials{}
}

// ForgetTokens makes all tokens invalid, as a reboot does.
func (m *Metadata) ForgetTokens() {
	m.state.Lock()
	defer m.state.Unlock()
	clear(m.tokens)
}

// Plain returns how many requests came without a token, those for one not counted.
func (m *Metadata) Plain() int {
	m.state.Lock()
	defer m.state.Unlock()
	return m.plain
}

// ServeHTTP answers as the service does.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.struck(w, r) {
		return
	}
	m.date(w)
	const roles = "/latest/meta-data/ram/security-credentials/"
	switch {
	case r.URL.Path == "/latest/api/token":
		m.serveToken(w, r)
	case r.Method != http.MethodGet:
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
	case !m.admit(r):
		http.Error(w, "403 - Forbidden", http.StatusForbidden)
	case strings.HasPrefix(r.URL.Path, roles):
		m.serveRole(w, strings.TrimPrefix(r.URL.Path, roles))
	default:
		http.NotFound(w, r)
	}
}

func (m *Metadata) serveToken(w http.ResponseWriter, r *http.Request) {
	ttl, err := strconv.Atoi(r.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds"))
	switch {
	case m.opts.NoTokens:
		http.NotFound(w, r)
	case r.Method != http.MethodPut:
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
	case err != nil || ttl < 1 || ttl > 21600:
		http.Error(w, "400 - Bad Request", http.StatusBadRequest)
	default:
		m.state.Lock()
		defer m.state.Unlock()
		m.serial++
		token := fmt.Sprintf("metadata-token-%d==", m.serial)
		m.tokens[token] = m.Issuer.opts.Now().Add(time.Duration(ttl) * time.Second)
		io.WriteString(w, token)
	}
}

// admit checks the token of a request, if there is one or if there must be.
func (m *Metadata) admit(r *http.Request) bool {
	m.state.Lock()
	defer m.state.Unlock()
	token := r.Header.Get("X-aliyun-ecs-metadata-token")
	if token == "" {
		m.plain++
		return !m.opts.Hardened
	}
	end, ok := m.tokens[token]
	return ok && m.Issuer.opts.Now().Before(end)
}

func (m *Metadata) serveRole(w http.ResponseWriter, name string) {
	m.state.Lock()
	defer m.state.Unlock()
	switch {
	case m.role == "" || name != "" && name != m.role:
		http.Error(w, "404 - Not Found", http.StatusNotFound)
	case name == "":
		io.WriteString(w, m.role)
	default:
		now := m.Issuer.opts.Now()
		if m.keys.Expires.Sub(now) <= m.Issuer.opts.Life-m.opts.RenewAfter {
			m.keys = m.issue(m.Issuer.opts.Life)
		}
		d := document(m.keys)
		d["Code"], d["LastUpdated"] = "Success", now.UTC().Format("2006-01-02T15:04:05Z")
		writeJSON(w, http.StatusOK, d)
	}
}
