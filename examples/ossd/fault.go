package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A fault is the value of a -fault flag.
type fault struct {
	osstest.Fault
	text string // the value
}

// parseFault parses OPERATION:TERM..., such as "UploadPart:part=3:times=2:lose-reply". At least one term is an effect.
// The order of the terms does not matter.
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
			return fault{}, fmt.Errorf("%s occurs twice", name)
		}
		seen[name] = true
		if err := readTerm(&f.Fault, text); err != nil {
			return fault{}, err
		}
	}
	return f, f.check()
}

// check returns an error for a fault that makes no sense, such as one that can never strike.
func (f fault) check() error {
	switch {
	case f.Effect == nil:
		return errors.New("there is no effect")
	case f.Seed != 0 && f.Share == 0:
		return errors.New("a seed needs a share")
	}
	return f.Validate()
}

// try returns a panic of osstest as an error: an invalid argument is a programming error in a test, and here one of the
// user.
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
