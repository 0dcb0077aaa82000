package main

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// values are the values after the "=" of a term, separated by slashes. They are read one by one.
type values struct {
	rest string
	more bool // there is a further value, possibly empty
	bad  bool // a value was missing or malformed
}

// require sets bad unless a value is valid.
func (v *values) require(good bool) { v.bad = v.bad || !good }

func (v *values) next() string {
	v.require(v.more)
	var value string
	value, v.rest, v.more = strings.Cut(v.rest, "/")
	return value
}

func (v *values) number() int {
	n, err := strconv.Atoi(v.next())
	v.require(err == nil && n >= 1)
	return n
}

func (v *values) seed() uint64 {
	n, err := strconv.ParseUint(v.next(), 10, 64)
	v.require(err == nil)
	return n
}

func (v *values) share() float64 {
	n, err := strconv.ParseFloat(v.next(), 64)
	v.require(err == nil && n > 0 && n <= 1)
	return n
}

func (v *values) time(least time.Duration) time.Duration {
	d, err := time.ParseDuration(v.next())
	v.require(err == nil && d >= least)
	return d
}

var codeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*$`)

func (v *values) code() oss.Code {
	code := v.next()
	v.require(codeForm.MatchString(code))
	return oss.Code(code)
}

// text reads the rest as one value, and decodes it like a URL.
func (v *values) text() string {
	text, err := url.PathUnescape(v.rest)
	v.require(err == nil)
	v.rest, v.more = "", false
	return text
}

func (v *values) name() string {
	name := v.text()
	v.require(name != "")
	return name
}

// bytes reads a number of bytes with an optional unit.
func (v *values) bytes() int64 {
	digits, unit := v.next(), int64(1)
	for i, name := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(digits, name); ok {
			digits, unit = number, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	v.require(err == nil && n >= 0 && n <= (1<<62)/unit)
	return n * unit
}

// rate reads a number of bytes per second.
func (v *values) rate() int64 {
	n := v.bytes()
	v.require(v.next() == "s")
	return n
}
