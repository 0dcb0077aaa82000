package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A fault is what a -fault flag says.
type fault struct {
	osstest.Fault
	text string // as it was given
}

// parseFault reads OPERATION:TERM... with an effect or several among the terms, such as
// "UploadPart:part=3:times=2:lose-reply". The terms may come in any order.
func parseFault(text string) (fault, error) {
	op, rest, _ := strings.Cut(text, ":")
	f := fault{text: text}
	switch op {
	case "":
		return fault{}, errors.New("want OPERATION:TERM..., with * for any operation")
	case "*":
	default:
		f.Op = op
	}
	seen := make(map[string]bool)
	for text := range strings.SplitSeq(rest, ":") {
		name, _, _ := strings.Cut(text, "=")
		if seen[name] {
			return fault{}, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if err := readTerm(&f.Fault, text); err != nil {
			return fault{}, err
		}
	}
	return f, f.check()
}

// check refuses what makes no sense, above all what could never strike, which would make a test that cannot fail.
func (f fault) check() error {
	switch {
	case f.Effect == nil:
		return errors.New("it has no effect")
	case f.Seed != 0 && f.Share == 0:
		return errors.New("a seed is good for nothing without a share")
	}
	return f.Validate()
}

// try returns what osstest panics with on a mistake. That is right in a test; here the mistake is a user's.
func try(do func()) (err error) {
	defer func() {
		switch said := recover().(type) {
		case nil:
		case string:
			err = errors.New(strings.TrimPrefix(strings.TrimPrefix(said, "osstest: "), "Inject: "))
		default:
			panic(said)
		}
	}()
	do()
	return nil
}
