package osstest

import (
	"cmp"
	"net/http"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// ExpireToken makes the security token of the request expire: this request, and every later one with the same token, is
// refused with SecurityTokenExpired. With Fault.Skip or Fault.After that happens in the middle of an upload. A request
// without a token is refused as well, but has no effect on later ones.
//
// Options.Credentials can hold the next token of the client.
func ExpireToken() Effect { return refuseTokens("ExpireToken", "SecurityTokenExpired") }

// RevokeToken is like ExpireToken, but the refusals are InvalidSecurityToken.
func RevokeToken() Effect { return refuseTokens("RevokeToken", "InvalidSecurityToken") }

func refuseTokens(name string, code oss.Code) Effect {
	return newEffect(name, anyOperation, func(x *exchange) error {
		token := x.token()
		if token == "" {
			return tokenRefusal(code)
		}
		x.faults.refusedTokens.add(token, code)
		return nil
	})
}

// token returns the security token of the request, from its header or from a query signed with V1 or V4.
func (x *exchange) token() string {
	return cmp.Or(x.r.Header.Get("x-oss-security-token"), x.query.Get("x-oss-security-token"),
		x.query.Get("security-token"))
}

// checkToken refuses a token that ExpireToken or RevokeToken was applied to.
func (x *exchange) checkToken() error {
	if code := x.faults.refusedTokens.code(x.token()); code != "" {
		return tokenRefusal(code)
	}
	return nil
}

// tokenRefusal returns the reply to a token that is no longer valid.
func tokenRefusal(code oss.Code) error { return failure(http.StatusForbidden, code) }

// refusedTokens are the tokens that are no longer valid, with the codes of the refusals.
type refusedTokens struct {
	mu    sync.Mutex
	codes map[string]oss.Code
}

func (d *refusedTokens) add(token string, code oss.Code) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.codes == nil {
		d.codes = make(map[string]oss.Code)
	}
	d.codes[token] = code
}

func (d *refusedTokens) code(token string) oss.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.codes[token]
}
