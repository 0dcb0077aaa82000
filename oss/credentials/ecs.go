package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ECSRoleOptions are the options of ECSRole. The zero value and nil use the role that the metadata service names.
type ECSRoleOptions struct {
	Role      string // default ALIBABA_CLOUD_ECS_METADATA, or what the metadata service says at each fetch
	DisableV1 bool   // never ask without a token; also set by ALIBABA_CLOUD_IMDSV1_DISABLED
	Endpoint  string // URL of the metadata service; default "http://100.100.100.200"
	Options
}

func (o *ECSRoleOptions) orDefault() ECSRoleOptions {
	var v ECSRoleOptions
	if o != nil {
		v = *o
	}
	v.Options = v.Options.orDefault()
	v.Endpoint = strings.TrimSuffix(cmp.Or(v.Endpoint, "http://100.100.100.200"), "/")
	return v
}

// ECSRole gets the keys of the RAM role that is attached to an ECS instance from its metadata service. It uses the
// hardened mode, with a token. If the service knows no tokens, which it says by status 403, 404 or 405, the normal
// mode is used, unless that is disabled. With ALIBABA_CLOUD_ECS_METADATA_DISABLED set to "true" nothing is ever
// sent, and the error matches ErrNotConfigured. No proxy is used.
//
// See https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role-to-an-ecs-instance
func ECSRole(opts *ECSRoleOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newECSRole(o), &o.Options)
}

const (
	metadataTokenPath = "/latest/api/token"
	metadataRolePath  = "/latest/meta-data/ram/security-credentials/"
	metadataTokenLife = 6 * time.Hour
)

type ecsRole struct {
	opts   ECSRoleOptions
	caller *caller

	mu    sync.Mutex // also keeps two fetches apart
	token string     // of the hardened mode; empty for the normal mode
	until time.Time  // when token is replaced
}

func newECSRole(o ECSRoleOptions) *ecsRole {
	return &ecsRole{opts: o, caller: newMetadataCaller(o.Options)}
}

func (*ecsRole) name() string { return "ECS RAM role" }

func (s *ecsRole) fetch(ctx context.Context) (answer, error) {
	if isTrue("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
		return answer{}, notConfigured("ALIBABA_CLOUD_ECS_METADATA_DISABLED is set")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	role := cmp.Or(s.opts.Role, getenv("ALIBABA_CLOUD_ECS_METADATA"))
	if role == "" {
		r, err := s.get(ctx, metadataRolePath)
		if err != nil {
			return answer{}, err
		}
		if r.status == http.StatusNotFound {
			return answer{}, notConfigured("no RAM role is attached to the instance")
		}
		if r.status != http.StatusOK {
			return answer{}, fmt.Errorf("status %d for the name of the role", r.status)
		}
		if role = strings.TrimSpace(string(r.body)); !sessionName.MatchString(role) { // role names follow the same rule
			return answer{}, errors.New("the reply for the name of the role is not one")
		}
	}
	r, err := s.get(ctx, metadataRolePath+url.PathEscape(role))
	if err != nil {
		return answer{}, err
	}
	if r.status != http.StatusOK {
		return answer{}, fmt.Errorf("status %d for role %s", r.status, role)
	}
	creds, err := parse(r.body)
	if err == nil && (creds.SecurityToken == "" || creds.Expires.IsZero()) {
		err = fmt.Errorf("the reply for role %s lacks SecurityToken or Expiration", role)
	}
	return answer{creds: creds, asOf: r.date}, err
}

// get asks with a token. One that the service does not know any more, as after a reboot, is replaced once.
func (s *ecsRole) get(ctx context.Context, path string) (reply, error) {
	for renewed := false; ; renewed = true {
		if err := s.ensureToken(ctx); err != nil {
			return reply{}, err
		}
		r, err := s.send(ctx, http.MethodGet, path, s.token)
		if err != nil || renewed || r.status != http.StatusUnauthorized && r.status != http.StatusForbidden {
			return r, err
		}
		s.until = time.Time{}
	}
}

// ensureToken gets a token if there is none, or decides for the normal mode.
func (s *ecsRole) ensureToken(ctx context.Context) error {
	if time.Now().Before(s.until) {
		return nil
	}
	r, err := s.send(ctx, http.MethodPut, metadataTokenPath, "")
	if err != nil {
		return err
	}
	switch r.status {
	case http.StatusOK:
		s.token, s.until = strings.TrimSpace(string(r.body)), time.Now().Add(metadataTokenLife*9/10)
		if s.token == "" || strings.ContainsFunc(s.token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			s.until = time.Time{}
			return errors.New("the metadata service sent no token")
		}
		return nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		if s.opts.DisableV1 || isTrue("ALIBABA_CLOUD_IMDSV1_DISABLED") {
			return fmt.Errorf("status %d for a token, and the mode without one is disabled", r.status)
		}
		s.token = ""
		return nil
	}
	return fmt.Errorf("status %d for a token", r.status)
}

func (s *ecsRole) send(ctx context.Context, method, path, token string) (reply, error) {
	r, err := s.caller.do(ctx, func() (*http.Request, error) {
		req, err := http.NewRequest(method, s.opts.Endpoint+path, nil)
		if err != nil {
			return nil, err
		}
		switch {
		case method == http.MethodPut:
			req.Header.Set("X-aliyun-ecs-metadata-token-ttl-seconds", fmt.Sprint(int(metadataTokenLife.Seconds())))
		case token != "":
			req.Header.Set("X-aliyun-ecs-metadata-token", token)
		}
		return req, nil
	})
	if err != nil && isDial(err) {
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return r, err
}
