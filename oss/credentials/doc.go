// Package credentials finds the keys of Alibaba Cloud where they live, and keeps them fresh.
//
// On an ECS instance, in a Kubernetes cluster, with the Alibaba Cloud CLI or with variables, one line is enough:
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: credentials.Default(nil)})
//
// Default asks all sources that need no arguments. Each can be used alone, which is better where it is known which
// one it must be:
//
//   - Env: variables
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
// shares one fetch among all callers. Provider has the rules. Use one Provider for all Clients of a program.
//
// # Errors
//
// Functions check nothing and touch neither files nor the network. Mistakes in their arguments are errors of
// Credentials, before any request. Errors name the source, and match ErrNotConfigured if there is no trace of it on
// the machine; refusals of STS are a *STSError; errors of contexts and files are wrapped. No error, log or printed
// Provider shows a secret or a token.
//
// # Limits
//
// A fetch ends after 30 seconds (Options.Timeout), a request to STS or a URI after 10, one to the metadata service
// after 5; replies, files and outputs have at most 1 MiB. A request that fails for the network, with status 429 or
// 5xx, or for throttling is sent three times.
//
// Package credtest has stand-ins for tests.
package credentials
