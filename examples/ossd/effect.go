package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An effect is what a fault does. Only the fields that its kind needs are set, so that two effects
// are the same if they are equal.
type effect struct {
	kind   string
	status int           // of fail
	code   oss.Code      // of fail
	wait   time.Duration // of delay
	bytes  int64         // of truncate; of slow, in a second
}

// An effectRow is all that is known of a kind of effect. The same row reads it, writes it, makes it
// and explains it in -help.
type effectRow struct {
	kind, value string // value is an example; "" if the effect takes none
	does        string
	read        func(*effect, string) error
	write       func(effect) string
	make        func(effect) osstest.Effect
}

// effects are all there are, in the order of -help.
var effects = []effectRow{
	{
		"fail", "503/ServiceUnavailable", "answers with that status and code; the request has no effect",
		(*effect).readFailure,
		func(e effect) string { return fmt.Sprintf("%d/%s", e.status, e.code) },
		func(e effect) osstest.Effect { return osstest.Fail(e.status, e.code) },
	},
	{
		"delay", "2s", "does the work, answers that much later",
		(*effect).readWait,
		func(e effect) string { return e.wait.String() },
		func(e effect) osstest.Effect { return osstest.Delay(e.wait) },
	},
	{"hang", "", "never answers; the request has no effect", nil, nil, func(effect) osstest.Effect { return osstest.Hang() }},
	{"drop", "", "cuts the connection before the request has an effect", nil, nil, func(effect) osstest.Effect { return osstest.Drop() }},
	{"lose-reply", "", "does the work, then cuts the connection", nil, nil, func(effect) osstest.Effect { return osstest.LoseReply() }},
	{"corrupt", "", "flips a bit of what is stored, or of what is read back", nil, nil, func(effect) osstest.Effect { return osstest.Corrupt() }},
	{
		"truncate", "64KiB", "cuts the connection after so many bytes of the body",
		func(e *effect, value string) (err error) { e.bytes, err = parseBytes(value); return err },
		func(e effect) string { return formatBytes(e.bytes) },
		func(e effect) osstest.Effect { return osstest.Truncate(e.bytes) },
	},
	{
		"slow", "50KiB/s", "moves the body at that rate",
		(*effect).readRate,
		func(e effect) string { return formatBytes(e.bytes) + "/s" },
		func(e effect) osstest.Effect { return osstest.Slow(e.bytes) },
	},
}

// row returns what is known of e. Every effect that readEffect or the program itself makes has one.
func (e effect) row() effectRow {
	for _, row := range effects {
		if row.kind == e.kind {
			return row
		}
	}
	panic(fmt.Sprintf("ossd: no effect is called %q", e.kind))
}

// String returns the effect as readEffect takes it.
func (e effect) String() string {
	if row := e.row(); row.write != nil {
		return e.kind + "=" + row.write(e)
	}
	return e.kind
}

func readEffect(name, value string, hasValue bool) (effect, error) {
	for _, row := range effects {
		switch {
		case row.kind != name:
		case row.read == nil && hasValue:
			return effect{}, fmt.Errorf("%s takes no value", name)
		case row.read == nil:
			return effect{kind: name}, nil
		default:
			e := effect{kind: name}
			if err := row.read(&e, value); err != nil {
				return effect{}, fmt.Errorf("%s=%s: %w", name, value, err)
			}
			return e, nil
		}
	}
	return effect{}, fmt.Errorf("%q is neither a condition nor an effect", name)
}

var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*$`)

// readFailure takes errors, and also the success of 203, with which OSS reports a callback that failed.
func (e *effect) readFailure(value string) error {
	status, code, _ := strings.Cut(value, "/")
	n, err := strconv.Atoi(status)
	if err != nil || n != http.StatusNonAuthoritativeInfo && (n < 300 || n > 599) || !codeForm.MatchString(code) {
		return errors.New("want a status and a code, such as 503/ServiceUnavailable")
	}
	e.status, e.code = n, oss.Code(code)
	return nil
}

func (e *effect) readWait(value string) (err error) {
	if e.wait, err = time.ParseDuration(value); err != nil || e.wait <= 0 {
		return errors.New("want a time such as 2s or 150ms")
	}
	return nil
}

func (e *effect) readRate(value string) (err error) {
	size, perSecond := strings.CutSuffix(value, "/s")
	if e.bytes, err = parseBytes(size); err != nil || !perSecond || e.bytes == 0 {
		return errors.New("want a rate such as 50KiB/s")
	}
	return nil
}

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// parseBytes reads a number of bytes with an optional unit.
func parseBytes(text string) (int64, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n >= 0 && n <= (1<<62)/u.bytes {
			return n * u.bytes, nil
		}
		break
	}
	return 0, errors.New("want a number of bytes such as 50KiB, 8MiB or 1000")
}

// formatBytes writes n exactly, in the largest unit that divides it.
func formatBytes(n int64) string {
	for _, u := range units {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return "0"
}
