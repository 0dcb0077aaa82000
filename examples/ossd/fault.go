package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A fault is what a -fault flag says. It is an osstest.Fault that can be compared and written down.
type fault struct {
	op, bucket, key   string // "" means any
	part, skip, times int    // as in osstest.Fault
	effect            effect
}

// parseFault reads OPERATION:TERM... with one effect among the terms, such as
// "UploadPart:part=3:times=2:lose-reply". The terms may come in any order. It is the inverse of String.
func parseFault(text string) (fault, error) {
	op, rest, _ := strings.Cut(text, ":")
	f := fault{op: op}
	switch op {
	case "":
		return fault{}, errors.New("want OPERATION:TERM..., with * for any operation")
	case "*":
		f.op = ""
	}
	seen := make(map[string]bool)
	for _, term := range strings.Split(rest, ":") {
		name, value, hasValue := strings.Cut(term, "=")
		if seen[name] {
			return fault{}, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if err := f.read(name, value, hasValue); err != nil {
			return fault{}, err
		}
	}
	return f, f.check()
}

// read takes in one term.
func (f *fault) read(name, value string, hasValue bool) (err error) {
	number, text := map[string]*int{"part": &f.part, "skip": &f.skip, "times": &f.times}, map[string]*string{"bucket": &f.bucket, "key": &f.key}
	switch {
	case number[name] != nil:
		*number[name], err = strconv.Atoi(value)
		if err != nil || *number[name] < 1 {
			return fmt.Errorf("%s=%s: want a number from 1", name, value)
		}
	case text[name] != nil:
		*text[name], err = url.PathUnescape(value)
		if err != nil || value == "" {
			return fmt.Errorf("%s=%s: want a name, with %%3A for a colon and %%25 for a percent sign", name, value)
		}
	default:
		if f.effect.kind != "" {
			return fmt.Errorf("%s: there is an effect already, %s", cmp.Or(name, "an empty term"), f.effect)
		}
		f.effect, err = readEffect(name, value, hasValue)
	}
	return err
}

// check refuses what could never strike, which would make a test that cannot fail.
func (f fault) check() error {
	if f.effect.kind == "" {
		return errors.New("it has no effect")
	}
	if f.part > oss.MaxPartNumber {
		return fmt.Errorf("part=%d: the last number is %d", f.part, oss.MaxPartNumber)
	}
	if f.part > 0 && f.op != "" && f.op != "UploadPart" && f.op != "UploadPartCopy" {
		return fmt.Errorf("part=%d: %s has no parts", f.part, f.op)
	}
	return tryFault(f.fault())
}

// tryFault asks osstest, which alone knows the operations and what can be done to them. It panics
// on a mistake, as is right in a test; here the mistake is a user's.
func tryFault(f osstest.Fault) (err error) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	defer func() {
		if said := recover(); said != nil {
			err = errors.New(strings.TrimPrefix(fmt.Sprint(said), "osstest: Inject: "))
		}
	}()
	srv.Inject(f)
	return nil
}

func (f fault) fault() osstest.Fault {
	return osstest.Fault{
		Op: f.op, Bucket: f.bucket, Key: f.key, PartNumber: f.part, Skip: f.skip, Times: f.times,
		Effect: f.effect.row().make(f.effect),
	}
}

// inTerm makes a name fit into a term. Decoding is that of URLs, so a name may also be copied from one.
var inTerm = strings.NewReplacer("%", "%25", ":", "%3A")

// String returns the fault as parseFault reads it.
func (f fault) String() string {
	terms := []string{cmp.Or(f.op, "*")}
	if f.bucket != "" {
		terms = append(terms, "bucket="+inTerm.Replace(f.bucket))
	}
	if f.key != "" {
		terms = append(terms, "key="+inTerm.Replace(f.key))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"part", f.part}, {"skip", f.skip}, {"times", f.times}} {
		if n.value > 0 {
			terms = append(terms, fmt.Sprintf("%s=%d", n.name, n.value))
		}
	}
	return strings.Join(append(terms, f.effect.String()), ":")
}
