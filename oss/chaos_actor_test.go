package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A role is what an actor does: act makes a few calls and checks each. ops are the operations that its faults strike.
type role struct {
	name string
	ops  []string
	act  func(*actor)
}

var roles = []role{
	{"writer", []string{"PutObject", "CopyObject", "PutSymlink"}, (*actor).write},
	{"appender", []string{"AppendObject", "AppendObject", "HeadObject", "GetObject"}, (*actor).append},
	{"deleter", []string{"DeleteMultipleObjects", "DeleteMultipleObjects", "DeleteObject"}, (*actor).delete},
	{"editor", []string{
		"PutObjectTagging", "GetObjectTagging", "DeleteObjectTagging", "PutObjectACL", "GetObjectACL", "HeadObject",
		"CopyObject",
	}, (*actor).edit},
	{"owner", []string{
		"PutBucket", "DeleteBucket", "GetBucketInfo", "PutBucketLifecycle", "GetBucketLifecycle", "PutBucketVersioning",
		"GetBucketVersioning",
	}, (*actor).own},
	{"reader", []string{"GetObject", "GetObject", "GetObject", "HeadObject"}, (*actor).read},
	{"lister", []string{"ListObjectsV2", "ListObjectsV2", "ListObjectVersions"}, (*actor).list},
}

// An actor calls operations on the keys with its prefix. The methods of an actor that call operations are in
// chaos_write_test.go and chaos_read_test.go.
type actor struct {
	c      *chaos
	role   role
	prefix string // of its keys
	bucket string // "bucket", or "versioned"
	rnd    *rand.Rand
	keys   int  // how many keys newKey has made
	calm   bool // there are no faults any more, so every call must succeed

	story    []string
	outcomes map[string]int // by operation and result
}

func newActor(c *chaos, prefix string, rnd *rand.Rand) *actor {
	a := &actor{c: c, prefix: prefix, rnd: rnd, bucket: "bucket", outcomes: make(map[string]int)}
	a.role = roles[rnd.IntN(len(roles))]
	if rnd.IntN(3) == 0 {
		a.bucket = "versioned"
		c.srv.SetVersioning(a.bucket, true)
	}
	return a
}

// newKey returns a key that was not used before. Some have characters that documents and URLs must escape.
func (a *actor) newKey() string {
	a.keys++
	odd := []string{"", "", "", "/x", "//", " a+b%20", "\u4e2d", "&<>'\"", "\x01\x1f", "?a=b#c"}
	return fmt.Sprintf("%s%03d%s", a.prefix, a.keys, odd[a.rnd.IntN(len(odd))])
}

// bytes returns random content of fewer than n bytes.
func (a *actor) bytes(n int) []byte {
	b := make([]byte, a.rnd.IntN(n))
	for i := range b {
		b[i] = byte(a.rnd.Uint32())
	}
	return b
}

// stored returns the content of an object, or nil if there is none.
func (a *actor) stored(key string) []byte {
	o, ok := a.c.srv.Object(a.bucket, key)
	if !ok {
		return nil
	}
	return append([]byte{}, o.Data...)
}

// put stores an object without a request.
func (a *actor) put(key string, data []byte) { a.c.srv.PutObject(a.bucket, key, data) }

// call makes one call, with a context that may end during it, and checks its error. An error that matches one of
// allowed is an answer, which may come without any fault.
func (a *actor) call(op string, f func(context.Context) error, allowed ...error) error {
	ctx, cancel := context.WithCancel(a.c.t.Context())
	defer cancel()
	var ends time.Time
	if !a.calm && a.rnd.IntN(5) == 0 {
		after := time.Duration(a.rnd.IntN(3000)) * time.Millisecond
		ends = time.Now().Add(after)
		defer time.AfterFunc(after, cancel).Stop()
	}
	began := time.Now()
	err := f(ctx)
	a.story = append(a.story, fmt.Sprintf("%v %s: %v", time.Since(began), op, err))
	answered := slices.ContainsFunc(allowed, func(target error) bool { return errors.Is(err, target) })
	switch {
	case ctx.Err() != nil && time.Since(ends) > time.Second:
		a.bad("%s returned %v after its context ended: %v", op, time.Since(ends), err)
	case time.Since(began) > time.Hour:
		a.bad("%s took %v", op, time.Since(began))
	case err == nil || answered:
	case ctx.Err() == nil && errors.Is(err, context.Canceled):
		a.bad("%s was not cancelled, and failed with: %v", op, err)
	case ctx.Err() == nil && (a.calm || len(a.c.faults) == 0):
		a.bad("%s failed without a fault: %v", op, err)
	case ctx.Err() != nil && len(a.c.faults) == 0 && !errors.Is(err, ctx.Err()):
		a.bad("%s was cancelled, and failed with: %v", op, err)
	}
	if err != nil {
		a.c.checkSecrets("an error", fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	outcome := "failed"
	if err == nil {
		outcome = "succeeded"
	}
	a.outcomes[op+" "+outcome]++
	time.Sleep(time.Second) // in the bubble: requests that were cancelled no longer change anything
	return err
}

func (a *actor) bad(format string, args ...any) {
	a.c.t.Errorf("%s %s: %s", a.role.name, a.prefix, fmt.Sprintf(format, args...))
}

// wantContent checks that an object has one of some contents; nil means that there is none.
func (a *actor) wantContent(op, key string, err error, allowed ...[]byte) {
	now := a.stored(key)
	for _, want := range allowed {
		if bytes.Equal(now, want) && (now == nil) == (want == nil) {
			return
		}
	}
	sizes := make([]string, len(allowed))
	for i, want := range allowed {
		sizes[i] = fmt.Sprintf("%d bytes (%t)", len(want), want != nil)
	}
	a.bad("after %s %q = %v the object has %d bytes (%t) that are none of %s", op, key, err, len(now), now != nil,
		strings.Join(sizes, ", "))
}
