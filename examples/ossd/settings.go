package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// settings are what the command line asks for.
type settings struct {
	addr    *net.TCPAddr
	options osstest.Options
	testKey bool // the keys are those of osstest, which may be printed
	faults  []fault
	flags   *flag.FlagSet

	origins        []string // that may use every bucket
	record         string   // a file for what is said; empty for none
	logJSON        bool
	certificate    *tls.Certificate // nil for plain HTTP
	certificatePEM string           // of a certificate made here
}

func (s *settings) parse(args []string, getenv func(string) string) error {
	s.flags = flag.NewFlagSet("ossd", flag.ContinueOnError)
	s.flags.SetOutput(io.Discard) // run prints errors, in one line
	addr := s.flags.String("addr", "127.0.0.1:9000", "`address` to listen on; port 0 takes a free one")
	remote := s.flags.Bool("allow-remote", false, "listen on an address that other machines can reach")
	s.flags.StringVar(&s.options.Dir, "dir", "", "`directory` to keep data in; default memory, gone at the end")
	s.flags.StringVar(&s.options.Region, "region", "cn-hangzhou", "`region` to be")
	s.flags.Func("bucket", "`name` of a bucket that exists, repeatable; default every name", func(name string) error {
		s.options.Buckets = append(s.options.Buckets, name)
		return nil
	})
	s.flags.BoolVar(&s.options.RefuseV1, "refuse-v1", false, "refuse signature V1, as OSS does for new accounts")
	s.flags.StringVar(&s.options.StorageClass, "storage-class", "",
		"storage `class` of buckets that are made without one; default Standard")
	s.flags.Func("cors", "`origin` whose scripts may use every bucket that has no CORS rules, repeatable; * for any",
		func(origin string) error {
			s.origins = append(s.origins, origin)
			return nil
		})
	callbacks := s.flags.Bool("callbacks", false,
		"make the callbacks that uploads ask for, to addresses of this machine only")
	s.flags.BoolVar(&s.options.Sync, "fsync", false, "with -dir, have each change on the disk before it is answered")
	s.flags.StringVar(&s.record, "record", "",
		"`file` for what is said, without secrets and content: an HTTP archive (.har), or else JSON lines")
	format := s.flags.String("log", "text", "`format` of the log: text or json")
	useTLS := s.flags.Bool("tls", false, "serve HTTPS, with a certificate that is made and printed")
	certFile := s.flags.String("tls-cert", "", "`file` with a certificate to serve HTTPS with, and its chain, in PEM")
	keyFile := s.flags.String("tls-key", "", "`file` with its key, in PEM")
	id := s.flags.String("access-key-id", "", "`id` of the keys that are good; default OSS_ACCESS_KEY_ID, else test keys")
	secret := s.flags.String("access-key-secret", "", "`secret` of these keys; default OSS_ACCESS_KEY_SECRET, where other users of the machine cannot see it")
	s.flags.Func("fault", "`fault` to have, repeatable; see below", func(text string) error {
		f, err := parseFault(text)
		s.faults = append(s.faults, f)
		return err
	})
	var chaos []fault
	s.flags.Func("chaos", "`seed` of a bad day, which a client survives that tries three times; as a last -fault *:chaos=seed", func(seed string) error {
		f, err := parseFault("*:chaos=" + seed)
		chaos = append(chaos, f)
		return err
	})
	if err := s.flags.Parse(args); err != nil {
		return err
	}
	s.faults = append(s.faults, chaos...)
	if s.flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", s.flags.Arg(0))
	}
	if err := s.setKeys(cmp.Or(*id, getenv("OSS_ACCESS_KEY_ID")), cmp.Or(*secret, getenv("OSS_ACCESS_KEY_SECRET"))); err != nil {
		return err
	}
	if err := s.checkNames(); err != nil {
		return err
	}
	if *callbacks {
		s.options.Callbacks = &http.Client{Transport: &http.Transport{}} // which asks no proxy
	}
	if err := s.setRest(*format); err != nil {
		return err
	}
	if err := s.setTLS(*useTLS, *certFile, *keyFile); err != nil {
		return err
	}
	return s.setAddr(*addr, *remote)
}

func (s *settings) setKeys(id, secret string) error {
	switch {
	case id == "" && secret == "":
		s.testKey = true
		return nil
	case id == "":
		return errors.New("there is an access key secret, but no ID")
	case secret == "":
		return errors.New("there is an access key ID, but no secret")
	}
	s.options.Credentials = []oss.Credentials{{AccessKeyID: id, AccessKeySecret: secret}}
	return nil
}

// checkNames holds region and buckets against what a client would accept.
func (s *settings) checkNames() error {
	_, err := oss.NewClient(oss.Config{Region: s.options.Region, Credentials: osstest.TestCredentials()})
	if err != nil || s.options.Region == "" {
		return fmt.Errorf("-region %q: want one such as cn-hangzhou", s.options.Region)
	}
	foreign := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) }
	for _, name := range s.options.Buckets {
		if name == "" || len(name) > 63 || strings.ContainsFunc(name, foreign) || strings.Trim(name, "-") != name {
			return fmt.Errorf("-bucket %q: want 1 to 63 of a-z, 0-9 and inner hyphens", name)
		}
	}
	return nil
}

// setRest looks at flags that need no more than a word.
func (s *settings) setRest(format string) error {
	if class := s.options.StorageClass; class != "" &&
		!slices.Contains([]string{"Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive"}, class) {
		return fmt.Errorf("-storage-class %q: want Standard, IA, Archive, ColdArchive or DeepColdArchive", class)
	}
	if format != "text" && format != "json" {
		return fmt.Errorf("-log %q: want text or json", format)
	}
	s.logJSON = format == "json"
	if s.options.Sync && s.options.Dir == "" {
		return errors.New("-fsync: there is nothing on a disk without -dir")
	}
	for _, origin := range s.origins {
		if origin == "" || strings.Count(origin, "*") > 1 || origin != "*" && !strings.Contains(origin, "://") {
			return fmt.Errorf("-cors %q: want an origin such as http://localhost:3000, with at most one *, or only *", origin)
		}
	}
	if len(s.origins) > 0 {
		s.options.CORS = []osstest.CORSRule{{
			Origins: s.origins, Methods: []string{"GET", "PUT", "DELETE", "POST", "HEAD"}, Headers: []string{"*"},
			Expose: []string{"ETag", "x-oss-request-id", "x-oss-hash-crc64ecma", "x-oss-version-id", "x-oss-ec",
				"x-oss-next-append-position"},
		}}
	}
	return nil
}

// setTLS finds a certificate, if one is wanted.
func (s *settings) setTLS(use bool, certFile, keyFile string) (err error) {
	switch {
	case (certFile == "") != (keyFile == ""):
		return errors.New("-tls-cert and -tls-key belong together")
	case certFile != "":
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return fmt.Errorf("-tls-cert: %w", err)
		}
		s.certificate = &pair
	case use:
		s.certificate, s.certificatePEM, err = makeCertificate(time.Now())
	}
	return err
}

// setAddr refuses what other machines can reach: the test keys are public.
func (s *settings) setAddr(addr string, remote bool) (err error) {
	if s.addr, err = net.ResolveTCPAddr("tcp", addr); err != nil {
		return fmt.Errorf("-addr %s: %w", addr, err)
	}
	if !remote && !s.addr.IP.IsLoopback() {
		return fmt.Errorf("-addr %s: other machines could reach it, and the test keys are public; -allow-remote permits it", addr)
	}
	return nil
}

// open starts the server, with all faults in force. It is the first thing that touches the disk.
func (s *settings) open(log *slog.Logger) (*osstest.Server, error) {
	options := s.options
	options.Persist = options.Dir != ""
	options.Logger = log
	srv, err := osstest.Open(&options)
	if err != nil {
		return nil, err
	}
	for _, f := range s.faults {
		srv.Inject(f.Fault)
	}
	return srv, nil
}

// usage explains the flags, and the little language of faults.
func (s *settings) usage(w io.Writer) {
	fmt.Fprintln(w, "usage: ossd [flags]\n\nServes an OSS for tests, and prints how to point clients at it.")
	s.flags.SetOutput(w)
	s.flags.PrintDefaults()
	fmt.Fprint(w, `
A fault is OPERATION:TERM..., such as UploadPart:part=3:times=2:lose-reply. OPERATION is a name
such as UploadPart, or * for any. Of the terms at least one is an effect; several strike together.
The others are conditions, all of which must hold.

Conditions:

`)
	explain(w, conditions)
	fmt.Fprint(w, "\nEffects:\n\n")
	explain(w, effects)
	fmt.Fprintln(w, "\nFaults are tried in the order they are given; the first that strikes wins.")
}

func explain(w io.Writer, terms []term) {
	for _, t := range terms {
		fmt.Fprintf(w, "  %-35s  %s\n", t.form, t.means)
	}
}

// bucket is the one that examples of use are about.
func (s *settings) bucket() string {
	if len(s.options.Buckets) > 0 {
		return s.options.Buckets[0]
	}
	return "examples"
}
