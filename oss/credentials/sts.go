package credentials

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/rpcsign"
	"github.com/ossmultipart/go-oss/signer"
)

// STS says which Security Token Service is asked. The zero value means the variables ALIBABA_CLOUD_STS_ENDPOINT, or
// ALIBABA_CLOUD_STS_REGION with ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED, or else sts.aliyuncs.com.
//
// See https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-endpoint
type STS struct {
	Endpoint string // host or URL; default "sts.<Region>.aliyuncs.com"
	Region   string // for example "cn-hangzhou"
	VPC      bool   // use the endpoint inside VPCs, "sts-vpc.<Region>.aliyuncs.com"; needs a Region
}

// address returns the URL of the endpoint.
func (s STS) address() (string, error) {
	region := cmp.Or(s.Region, getenv("ALIBABA_CLOUD_STS_REGION"))
	endpoint := s.Endpoint
	if endpoint == "" && s.Region == "" && !s.VPC {
		endpoint = getenv("ALIBABA_CLOUD_STS_ENDPOINT")
	}
	switch {
	case endpoint != "":
	case region == "" && s.VPC:
		return "", errors.New("the VPC endpoint of STS needs a region")
	case region == "":
		endpoint = "sts.aliyuncs.com"
	case s.VPC || isTrue("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"):
		endpoint = "sts-vpc." + region + ".aliyuncs.com"
	default:
		endpoint = "sts." + region + ".aliyuncs.com"
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(strings.TrimSuffix(endpoint, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || *u != (url.URL{Scheme: u.Scheme,
		Host: u.Host}) {
		return "", fmt.Errorf("%q is not an endpoint of STS", endpoint)
	}
	return u.String(), nil
}

// AssumeRoleOptions are the options of AssumeRole. The zero value and nil are the defaults.
type AssumeRoleOptions struct {
	SessionName string        // shown in ActionTrail; default ALIBABA_CLOUD_ROLE_SESSION_NAME, or "go-oss-N"
	Duration    time.Duration // life of the keys, from 15m to the role's maximum; 0 means 1h
	Policy      string        // JSON that narrows what the keys may do
	ExternalID  string        // the role may demand one
	STS         STS
	Options
}

func (o *AssumeRoleOptions) orDefault() AssumeRoleOptions {
	var v AssumeRoleOptions
	if o != nil {
		v = *o
	}
	v.Options = v.Options.orDefault()
	return v
}

// AssumeRole exchanges the keys of base for those of a RAM role, such as
// "acs:ram::1234567890123456:role/oss-writer". A base may be an AssumeRole itself. Mistakes in the arguments are
// errors of Credentials, before any request; refusals of STS are a *STSError.
//
// See https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
func AssumeRole(base Source, roleARN string, opts *AssumeRoleOptions) *Provider {
	o := opts.orDefault()
	return newProvider(newAssumeRole(base, roleARN, o, newCaller(o.Options)), &o.Options)
}

type assumeRole struct {
	base Source
	role role
	sts  *stsClient
}

func newAssumeRole(base Source, roleARN string, o AssumeRoleOptions, c *caller) *assumeRole {
	return &assumeRole{
		base: base,
		role: role{
			arn: roleARN, session: o.SessionName, fallback: newSession(o.Now()),
			duration: o.Duration, policy: o.Policy, externalID: o.ExternalID,
		},
		sts: &stsClient{sts: o.STS, caller: c, now: o.Now},
	}
}

func (a *assumeRole) name() string { return "role " + a.role.arn }

func (a *assumeRole) fetch(ctx context.Context) (answer, error) {
	form, err := a.role.form()
	if err != nil {
		return answer{}, err
	}
	if a.base == nil {
		return answer{}, errors.New("there is no Source of the keys that assume the role")
	}
	keys, err := a.base.Credentials(ctx)
	if err == nil {
		keys, err = clean(keys)
	}
	if errors.Is(err, ErrNotConfigured) || errors.Is(err, errNoAnswer) { // of the base; the role is configured
		return answer{}, fmt.Errorf("keys that assume it: %v", err)
	}
	if err != nil {
		return answer{}, fmt.Errorf("keys that assume it: %w", err)
	}
	got, err := a.sts.call(ctx, "AssumeRole", form, keys)
	if refused := (*STSError)(nil); errors.As(err, &refused) && refused.refusesKeys() {
		if p, ok := a.base.(interface{ Refuse(signer.Credentials) }); ok {
			p.Refuse(keys)
		}
	}
	return got, err
}

// refusesKeys reports whether other keys of the same source may do better.
func (e *STSError) refusesKeys() bool {
	return strings.HasPrefix(e.Code, "InvalidAccessKeyId") || strings.HasPrefix(e.Code, "InvalidSecurityToken")
}

// A role is what AssumeRole and AssumeRoleWithOIDC have in common.
type role struct {
	arn, policy, externalID string
	session, fallback       string // of the options, and if no variable has one either
	duration                time.Duration
}

// newSession returns a session name that is the same for the life of a Provider.
func newSession(now time.Time) string { return "go-oss-" + strconv.FormatInt(now.UnixMicro(), 10) }

const (
	minDuration = 15 * time.Minute
	stsVersion  = "2015-04-01"
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// form checks r and returns the parameters of both actions.
func (r role) form() (url.Values, error) {
	session := cmp.Or(r.session, getenv("ALIBABA_CLOUD_ROLE_SESSION_NAME"), r.fallback)
	duration := cmp.Or(r.duration, time.Hour)
	switch {
	case !strings.HasPrefix(r.arn, "acs:ram::") || !strings.Contains(r.arn, ":role/"):
		return nil, fmt.Errorf("%q is not the ARN of a RAM role", r.arn)
	case !sessionName.MatchString(session):
		return nil, fmt.Errorf("the session name %q is not 2 to 64 letters, digits and characters of .@-_", session)
	case duration < minDuration:
		return nil, fmt.Errorf("the duration %v is less than %v", duration, minDuration)
	case r.policy != "" && !json.Valid([]byte(r.policy)):
		return nil, errors.New("the policy is not JSON")
	}
	form := url.Values{
		"RoleArn": {r.arn}, "RoleSessionName": {session},
		"DurationSeconds": {strconv.FormatInt(int64(duration/time.Second), 10)},
	}
	if r.policy != "" {
		form.Set("Policy", r.policy)
	}
	if r.externalID != "" {
		form.Set("ExternalId", r.externalID)
	}
	return form, nil
}

// An stsClient calls actions of STS.
type stsClient struct {
	sts    STS
	caller *caller
	now    func() time.Time
	skew   atomic.Int64 // nanoseconds by which the clock of STS is ahead
}

// call makes a signed call if keys are not empty. A call that STS refuses for its time is repeated once with the
// time of the reply.
func (s *stsClient) call(ctx context.Context, action string, form url.Values, keys signer.Credentials) (answer, error) {
	address, err := s.sts.address()
	if err != nil {
		return answer{}, err
	}
	secrets := []string{keys.AccessKeySecret, keys.SecurityToken, form.Get("OIDCToken")}
	for corrected := false; ; corrected = true {
		r, err := s.caller.do(ctx, func() (*http.Request, error) {
			return rpcsign.Call{
				Endpoint: address, Action: action, Version: stsVersion, Form: form,
				Time: s.now().Add(time.Duration(s.skew.Load())), Nonce: newNonce(),
				AccessKeyID: keys.AccessKeyID, AccessKeySecret: keys.AccessKeySecret, SecurityToken: keys.SecurityToken,
			}.Request()
		})
		if err != nil {
			return answer{}, err
		}
		if r.status == http.StatusOK {
			return r.stsAnswer()
		}
		refused := r.stsError(secrets)
		if corrected || r.date.IsZero() || !strings.HasPrefix(refused.Code, "InvalidTimeStamp") {
			return answer{}, refused
		}
		s.skew.Store(int64(r.date.Sub(s.now())))
	}
}

func newNonce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (r reply) stsAnswer() (answer, error) {
	var d struct{ Credentials json.RawMessage }
	if json.Unmarshal(r.body, &d) != nil || len(d.Credentials) == 0 {
		return answer{}, errors.New("the reply of STS is not a JSON document with Credentials")
	}
	creds, err := parse(d.Credentials)
	if err == nil && (creds.SecurityToken == "" || creds.Expires.IsZero()) {
		err = errors.New("the reply of STS lacks SecurityToken or Expiration")
	}
	return answer{creds: creds, asOf: r.date}, err
}

// stsError reads a refusal. STS repeats what it was sent, in the form in which it was signed.
func (r reply) stsError(secrets []string) *STSError {
	var d struct{ Code, Message, RequestId string }
	if json.Unmarshal(r.body, &d) != nil || d.Code == "" {
		return &STSError{StatusCode: r.status, Code: "unknown", Message: "the reply is not a JSON document with a Code"}
	}
	message := d.Message
	for _, secret := range secrets {
		for range 3 { // plain, escaped as in a query, escaped as in a string to sign
			if secret != "" {
				message = strings.ReplaceAll(message, secret, "***")
			}
			secret = url.QueryEscape(secret)
		}
	}
	return &STSError{StatusCode: r.status, Code: excerpt(d.Code), Message: excerpt(message),
		RequestID: excerpt(d.RequestId)}
}
