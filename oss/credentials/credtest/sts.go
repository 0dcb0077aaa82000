package credtest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// STSHost is the endpoint that is not of a region.
const STSHost = "sts.aliyuncs.com"

// A Role can be assumed.
type Role struct {
	ARN         string        // for example "acs:ram::1234567890123456:role/writer"
	ExternalID  string        // that AssumeRole must bring; empty means none
	MaxDuration time.Duration // default 1h
}

// STSOptions shape an STS.
type STSOptions struct {
	Users  []signer.Credentials // that may assume Roles; keys that the STS has issued may, too
	Roles  []Role
	Tokens map[string]string // the OIDC token that is valid, by the ARN of its provider
	Options
}

// STS is a Security Token Service with AssumeRole and AssumeRoleWithOIDC. It checks signatures, nonces, times,
// tokens and parameters, and refuses with the codes of the service. Options.Life caps the life of the keys.
//
// See https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-overview
type STS struct {
	Faults
	*Issuer
	opts STSOptions

	state  sync.Mutex
	users  []signer.Credentials
	tokens map[string]string
	nonces map[string]bool
	calls  []STSCall
}

// An STSCall is a request that arrived.
type STSCall struct {
	Query, Form url.Values
	Code        string // of the refusal; empty for success
}

// NewSTS returns a Security Token Service.
func NewSTS(opts *STSOptions) *STS {
	s := &STS{nonces: make(map[string]bool), tokens: make(map[string]string)}
	if opts != nil {
		s.opts = *opts
	}
	for provider, token := range s.opts.Tokens {
		s.tokens[provider] = token
	}
	s.users = slices.Clone(s.opts.Users)
	if s.opts.Life == 0 {
		s.opts.Life = 12 * time.Hour
	}
	s.Issuer = newIssuer("sts", s.opts.Options)
	return s
}

// AddUser makes further keys valid, such as those of a Metadata.
func (s *STS) AddUser(keys signer.Credentials) {
	s.state.Lock()
	defer s.state.Unlock()
	s.users = append(s.users, keys)
}

// SetToken replaces the OIDC token that is valid for a provider.
func (s *STS) SetToken(providerARN, token string) {
	s.state.Lock()
	defer s.state.Unlock()
	s.tokens[providerARN] = token
}

// Calls returns all requests that no fault struck, oldest first.
func (s *STS) Calls() []STSCall {
	s.state.Lock()
	defer s.state.Unlock()
	return slices.Clone(s.calls)
}

// A refusal is an error as STS words it.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return r.code }

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers as the service does.
func (s *STS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.struck(w, r) {
		return
	}
	s.date(w)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	call := STSCall{Query: r.URL.Query(), Form: r.PostForm}
	creds, arn, err := s.answer(r)
	var refused *refusal
	if errors.As(err, &refused) {
		call.Code = refused.code
	}
	s.state.Lock()
	s.calls = append(s.calls, call)
	id := fmt.Sprintf("CREDTEST-%d", len(s.calls))
	s.state.Unlock()
	if refused != nil {
		writeJSON(w, refused.status, map[string]string{
			"RequestId": id, "HostId": r.Host, "Code": refused.code, "Message": refused.message,
		})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"RequestId": id, "Credentials": document(creds),
		"AssumedRoleUser": map[string]string{"Arn": arn + "/" + r.PostForm.Get("RoleSessionName"),
			"AssumedRoleId": "1:1"},
	})
}

// answer does what the request asks for.
func (s *STS) answer(r *http.Request) (signer.Credentials, string, error) {
	q := r.Form // of STS, parameters may be in the query or in the body
	var err error
	switch {
	case q.Get("Version") != "2015-04-01":
		err = refuse(404, "InvalidVersion", "Specified parameter Version is not valid.")
	case q.Get("Action") == "AssumeRole":
		err = s.authenticate(r)
	case q.Get("Action") == "AssumeRoleWithOIDC":
		err = s.checkTime(q)
		if err == nil {
			err = s.checkToken(q)
		}
	default:
		err = refuse(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	if err != nil {
		return signer.Credentials{}, "", err
	}
	life, err := s.assume(q)
	if err != nil {
		return signer.Credentials{}, "", err
	}
	return s.issue(min(life, s.opts.Life)), q.Get("RoleArn"), nil
}

// authenticate checks who signed the request.
func (s *STS) authenticate(r *http.Request) error {
	q := r.Form
	if q.Get("SignatureMethod") != "HMAC-SHA1" || q.Get("SignatureVersion") != "1.0" || q.Get("SignatureNonce") == "" {
		return refuse(400, "MissingParameter", "A parameter of the signature is missing or not supported.")
	}
	if err := s.checkTime(q); err != nil {
		return err
	}
	keys, err := s.find(q.Get("AccessKeyId"), q.Get("SecurityToken"))
	if err != nil {
		return err
	}
	text := stringToSign(r.Method, q)
	mac := hmac.New(sha1.New, []byte(keys.AccessKeySecret+"&"))
	mac.Write([]byte(text))
	if base64.StdEncoding.EncodeToString(mac.Sum(nil)) != q.Get("Signature") {
		return refuse(400, "SignatureDoesNotMatch",
			"Specified signature is not matched with our calculation. server string to sign is:%s", text)
	}
	s.state.Lock()
	defer s.state.Unlock()
	if s.nonces[q.Get("SignatureNonce")] {
		return refuse(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	s.nonces[q.Get("SignatureNonce")] = true
	return nil
}

// find returns the keys of a user or of an assumed role.
func (s *STS) find(id, token string) (signer.Credentials, error) {
	s.state.Lock()
	known := append(s.Issued(), s.users...)
	s.state.Unlock()
	for _, c := range known {
		switch {
		case c.AccessKeyID != id:
		case c.SecurityToken != token:
			return c, refuse(400, "InvalidSecurityToken.MismatchWithAccessKey",
				"Specified SecurityToken mismatch with the AccessKey.")
		case !c.Expires.IsZero() && !s.Issuer.opts.Now().Before(c.Expires):
			return c, refuse(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
		default:
			return c, nil
		}
	}
	return signer.Credentials{}, refuse(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
}

func (s *STS) checkTime(q url.Values) error {
	at, err := time.Parse("2006-01-02T15:04:05Z", q.Get("Timestamp"))
	switch {
	case err != nil:
		return refuse(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	case s.Issuer.opts.Now().Sub(at).Abs() > 15*time.Minute:
		return refuse(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	return nil
}

func (s *STS) checkToken(q url.Values) error {
	s.state.Lock()
	defer s.state.Unlock()
	token, known := s.tokens[q.Get("OIDCProviderArn")]
	switch {
	case !known:
		return refuse(404, "EntityNotExist.OIDCProvider", "The OIDC provider does not exist: %s.",
			q.Get("OIDCProviderArn"))
	case q.Get("OIDCToken") != token:
		return refuse(400, "AuthenticationFail.OIDCToken.Invalid", "The OIDC token is not valid: %s.",
			q.Get("OIDCToken"))
	}
	return nil
}

var session = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// assume checks the parameters of a role and returns the life of its keys.
func (s *STS) assume(q url.Values) (time.Duration, error) {
	i := slices.IndexFunc(s.opts.Roles, func(r Role) bool { return r.ARN == q.Get("RoleArn") })
	if i < 0 {
		return 0, refuse(404, "EntityNotExist.Role", "The role not exists: %s.", q.Get("RoleArn"))
	}
	role := s.opts.Roles[i]
	most := role.MaxDuration
	if most == 0 {
		most = time.Hour
	}
	life := time.Hour
	if v := q.Get("DurationSeconds"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 900 {
			return 0, refuse(400, "InvalidParameter.DurationSeconds",
				"The Min/Max value of DurationSeconds is 15min/%s.", most)
		}
		life = time.Duration(n) * time.Second
	}
	switch {
	case life > most:
		return 0, refuse(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/%s.",
			most)
	case !session.MatchString(q.Get("RoleSessionName")):
		return 0, refuse(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
	case q.Get("Action") == "AssumeRole" && q.Get("ExternalId") != role.ExternalID:
		return 0, refuse(403, "NoPermission",
			"You are not authorized to do this action. You should be authorized by RAM.")
	}
	return life, nil
}

// stringToSign writes the text of signature version 1.0 from its description: every parameter but Signature, sorted
// by name, with the escapes of RFC 3986.
func stringToSign(method string, q url.Values) string {
	var names []string
	for name := range q {
		if name != "Signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, percent(name)+"="+percent(q.Get(name)))
	}
	return method + "&" + percent("/") + "&" + percent(strings.Join(pairs, "&"))
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
