// Package credentials finds the access keys of a program on Alibaba Cloud, and refreshes them before they expire.
//
// On an ECS instance, in a Kubernetes cluster, with the Alibaba Cloud CLI or with environment variables, one line is
// enough:
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: credentials.Default(nil)})
//
// Default asks all sources that need no arguments. If you know which source it must be, use that one alone:
//
//   - Env: environment variables
//   - Profile, INI, Ossutil: configuration files of the CLI, the SDKs and ossutil
//   - ECSRole: the RAM role of an ECS instance
//   - OIDC: the RAM role of a Kubernetes service account (RRSA)
//   - AssumeRole: a role assumed with other keys
//   - Process, URI, File: a program, a server, a file of your own
//   - Chain: several of these, in your order
//   - New: a Source of your own
//
// # Fresh keys
//
// Every function returns a Provider, which keeps the keys, refreshes them in the background before they expire, and
// shares one fetch among all callers. Use one Provider for all Clients of a program.
//
// # Errors
//
// The functions check nothing, and use neither files nor the network. If their arguments are invalid, Credentials
// returns an error before any request. Errors name the source. An error matches ErrNotConfigured if the machine has no
// trace of the source. A refusal by STS is a *STSError. Errors of contexts and files are wrapped. No error, log or
// printed Provider shows a secret or a token.
//
// # Limits
//
// A fetch ends after 30 seconds (Options.Timeout), a request to STS or a URI after 10, and one to the metadata service
// after 5. Replies, files and outputs have at most 1 MiB. A request is sent up to three times if the network fails, if
// the status is 429 or 5xx, or if the service throttles.
//
// Package credtest has stand-ins for tests.
package credentials
