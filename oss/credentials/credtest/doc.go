// Package credtest has stand-ins for the places that package credentials gets keys from: the metadata service of an
// ECS instance, STS, a server behind a URI, and a program. They speak the real protocols and refuse what the real
// ones refuse. Tests of programs that use such keys need no account and no network:
//
//	sts := credtest.NewSTS(&credtest.STSOptions{
//		Roles: []credtest.Role{{ARN: arn}}, Users: []signer.Credentials{user},
//	})
//	p := credentials.AssumeRole(user, arn, &credentials.AssumeRoleOptions{
//		Options: credentials.Options{HTTPClient: credtest.HTTPClient(map[string]http.Handler{"": sts})},
//	})
//
// Each stand-in is an http.Handler. HTTPClient reaches it without a socket, also in a testing/synctest bubble; for a
// real port give it to httptest.NewServer. Inject makes its requests fail.
//
// All types are safe for concurrent use. None has a goroutine of its own, so none needs a Close.
package credtest
