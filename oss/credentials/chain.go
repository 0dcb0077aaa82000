package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// Default finds keys wherever programs on Alibaba Cloud keep them. It is all that a program on an ECS instance or in
// a Kubernetes cluster needs:
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou", Credentials: credentials.Default(nil)})
//
// The sources are asked in the order of Alibaba Cloud's own SDKs, with ossutil's file among the other files: Env, OIDC,
// Profile, INI, Ossutil, ECSRole, URI. See Chain for the rules. No request is made to the metadata service if an
// earlier source is configured, or if ALIBABA_CLOUD_ECS_METADATA_DISABLED is "true".
//
// See https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-go-access-credentials
func Default(opts *Options) *Provider {
	o := opts.orDefault()
	p := ProfileOptions{Options: o}
	return newProvider(&chain{sources: []source{
		env{},
		newOIDC(OIDCOptions{Options: o}, newCaller(o)),
		newProfileSource("CLI profile", p, cliFormat),
		newProfileSource("credentials file", p, iniFormat),
		newProfileSource("ossutil", p, ossutilFormat),
		newECSRole((&ECSRoleOptions{Options: o}).orDefault()),
		newURI("", o),
	}}, &o)
}

// Chain uses the first source that is configured: the first whose error, if any, does not match ErrNotConfigured. A
// source that is configured and fails ends the search, because the keys of a later source would belong to another
// identity, with other rights. Such a failure is not remembered, so that the source is used as soon as it recovers.
//
// Once a source has given keys, the chain stays with it until two fetches in a row find that it is no longer
// configured, and then searches again. One such fetch is not enough, because a file that is being replaced may be
// missing for a moment. If no source has keys, the error names all that were asked, each with its reason.
func Chain(sources []Source, opts *Options) *Provider {
	c := &chain{}
	for _, s := range sources {
		c.sources = append(c.sources, asSource(s))
	}
	return newProvider(c, opts)
}

type chain struct {
	sources []source
	used    atomic.Int32 // number of the source that gave the latest keys, 0 if there is none
	missing atomic.Bool  // the latest fetch found that this source is not configured
}

func (c *chain) name() string {
	if n := c.used.Load(); n > 0 {
		return "chain: " + c.sources[n-1].name()
	}
	return "chain"
}

func (c *chain) fetch(ctx context.Context) (answer, error) {
	if n := c.used.Load(); n > 0 {
		a, err := c.sources[n-1].fetch(ctx)
		gone := errors.Is(err, ErrNotConfigured)
		if wasGone := c.missing.Swap(gone); !gone || !wasGone {
			return a, err
		}
		c.missing.Store(false)
		c.used.Store(0)
	}
	var failed chainError
	for i, s := range c.sources {
		a, err := s.fetch(ctx)
		if err == nil {
			a.creds, err = clean(a.creds)
		}
		if err == nil {
			c.used.Store(int32(i + 1))
			return a, nil
		}
		failed.add(s, err)
		if !errors.Is(err, ErrNotConfigured) && !errors.Is(err, errNoAnswer) {
			failed.ended = i+1 < len(c.sources)
			break
		}
	}
	return answer{}, &failed
}

// A chainError has the reason of every source that was asked.
type chainError struct {
	names []string
	errs  []error
	ended bool // the last of them is configured and failed, so later sources were not asked
}

func (e *chainError) add(s source, err error) {
	e.names, e.errs = append(e.names, s.name()), append(e.errs, err)
}

// Error lists the sources.
func (e *chainError) Error() string {
	if len(e.errs) == 0 {
		return "there are no sources"
	}
	var b strings.Builder
	b.WriteString("no source has keys: ")
	for i, err := range e.errs {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", e.names[i], err)
	}
	if e.ended {
		b.WriteString("; the sources after it are not asked while it is configured")
	}
	return b.String()
}

// Unwrap returns the reason that decided: that of the last source.
func (e *chainError) Unwrap() error {
	if len(e.errs) == 0 {
		return nil
	}
	return e.errs[len(e.errs)-1]
}
