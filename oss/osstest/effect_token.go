package osstest

import (
	"cmp"
	"net/http"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// ExpireToken ends the life of the security token that the request brings: this request and all later
// ones with that token are answered with SecurityTokenExpired. With Skip or After it happens in the
// middle of an upload. A request without a token is refused, too, but it alone.
//
// Options.Credentials may hold the token that a client is to come back with.
func ExpireToken() Effect { return refuseTokens("ExpireToken", "SecurityTokenExpired") }

// RevokeToken is ExpireToken with the answer InvalidSecurityToken.
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

// token returns the security token that x brings, in the header or in the query of V1 or V4.
func (x *exchange) token() string {
	return cmp.Or(x.r.Header.Get("x-oss-security-token"), x.query.Get("x-oss-security-token"), x.query.Get("security-token"))
}

// checkToken refuses a token that a Fault has killed.
func (x *exchange) checkToken() error {
	if code := x.faults.refusedTokens.code(x.token()); code != "" {
		return tokenRefusal(code)
	}
	return nil
}

func tokenRefusal(code oss.Code) error { return failure(http.StatusForbidden, code) }

// refusedTokens are those that are refused, and the code of the refusal.
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
