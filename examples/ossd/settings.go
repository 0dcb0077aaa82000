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

// settings are the settings from the command line.
type settings struct {
	addr    *net.TCPAddr
	options osstest.Options
	testKey bool // the credentials are those of osstest, and may be printed
	faults  []fault
	flags   *flag.FlagSet

	origins        []string // of the CORS rules of every bucket
	record         string   // file of the recorder; empty for none
	logJSON        bool
	certificate    *tls.Certificate // nil for plain HTTP
	certificatePEM string           // of a certificate that ossd made
}

func (s *settings) parse(args []string, getenv func(string) string) error {
	s.flags = flag.NewFlagSet("ossd", flag.ContinueOnError)
	s.flags.SetOutput(io.Discard) // run prints errors, in one line
	addr := s.flags.String("addr", "127.0.0.1:9000", "`address` to listen on; port 0 takes a free one")
	remote := s.flags.Bool("allow-remote", false, "listen on an address that other machines can reach")
	s.flags.StringVar(&s.options.Dir, "dir", "", "`directory` of the data; default memory")
	s.flags.StringVar(&s.options.Region, "region", "cn-hangzhou", "`region` of the server")
	s.flags.Func("bucket", "`name` of a bucket that exists, repeatable; by default every "+
		"bucket exists", func(name string) error {
		s.options.Buckets = append(s.options.Buckets, name)
		return nil
	})
	s.flags.BoolVar(&s.options.RefuseV1, "refuse-v1", false, "refuse signature V1, as OSS does for new accounts")
	s.flags.StringVar(&s.options.StorageClass, "storage-class", "",
		"storage `class` of buckets that are created without one; default Standard")
	s.flags.Func("cors", "`origin` whose scripts may use every bucket that has no CORS rules, repeatable; * for any",
		func(origin string) error {
			s.origins = append(s.origins, origin)
			return nil
		})
	callbacks := s.flags.Bool("callbacks", false,
		"send the callbacks that uploads ask for, to loopback addresses only")
	s.flags.BoolVar(&s.options.Sync, "fsync", false, "with -dir, write each change to the disk before the reply")
	s.flags.StringVar(&s.record, "record", "",
		"`file` for requests and replies, without secrets and content: an HTTP archive (.har) or JSON lines")
	format := s.flags.String("log", "text", "`format` of the log: text or json")
	useTLS := s.flags.Bool("tls", false, "serve HTTPS with a new certificate, which is printed")
	certFile := s.flags.String("tls-cert", "", "`file` with the certificate chain for HTTPS, in PEM")
	keyFile := s.flags.String("tls-key", "", "`file` with the key of that certificate, in PEM")
	id := s.flags.String("access-key-id", "", "`id` of the access key; default OSS_ACCESS_KEY_ID, or a test key")
	secret := s.flags.String("access-key-secret", "",
		"`secret` of the access key; default OSS_ACCESS_KEY_SECRET, which other users of the machine cannot see")
	s.flags.Func("fault", "`fault` to inject, repeatable; see below", func(text string) error {
		f, err := parseFault(text)
		s.faults = append(s.faults, f)
		return err
	})
	var chaos []fault
	const chaosUsage = "`seed` of random faults, from which a client recovers in three attempts; " +
		"like a last -fault *:chaos=seed"
	s.flags.Func("chaos", chaosUsage, func(seed string) error {
		f, err := parseFault("*:chaos=" + seed)
		chaos = append(chaos, f)
		return err
	})
	if err := s.flags.Parse(args); err != nil {
		return err
	}
	s.faults = append(s.faults, chaos...)
	if s.flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag", s.flags.Arg(0))
	}
	*id, *secret = cmp.Or(*id, getenv("OSS_ACCESS_KEY_ID")), cmp.Or(*secret, getenv("OSS_ACCESS_KEY_SECRET"))
	if err := s.setCredentials(*id, *secret); err != nil {
		return err
	}
	if err := s.checkNames(); err != nil {
		return err
	}
	if *callbacks {
		s.options.Callbacks = &http.Client{Transport: &http.Transport{}} // without a proxy
	}
	if err := s.setRest(*format); err != nil {
		return err
	}
	if err := s.setTLS(*useTLS, *certFile, *keyFile); err != nil {
		return err
	}
	return s.setAddr(*addr, *remote)
}

func (s *settings) setCredentials(id, secret string) error {
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

// checkNames checks that clients accept the region and the buckets.
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

// setRest checks the flags that are not about names, credentials, TLS and the address.
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
		return errors.New("-fsync needs -dir")
	}
	for _, origin := range s.origins {
		if origin == "" || strings.Count(origin, "*") > 1 || origin != "*" && !strings.Contains(origin, "://") {
			return fmt.Errorf("-cors %q: want an origin such as http://localhost:3000, with at most one *, or only *",
				origin)
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

// setTLS loads or makes the certificate, if HTTPS is asked for.
func (s *settings) setTLS(use bool, certFile, keyFile string) (err error) {
	switch {
	case (certFile == "") != (keyFile == ""):
		return errors.New("-tls-cert and -tls-key must be used together")
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

// setAddr refuses an address that other machines can reach, because the test key is public.
func (s *settings) setAddr(addr string, remote bool) (err error) {
	if s.addr, err = net.ResolveTCPAddr("tcp", addr); err != nil {
		return fmt.Errorf("-addr %s: %w", addr, err)
	}
	if !remote && !s.addr.IP.IsLoopback() {
		return fmt.Errorf("-addr %s: other machines could reach it, and the test key is public; use -allow-remote",
			addr)
	}
	return nil
}

// open opens the server and injects the faults.
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

// usage prints the flags and the syntax of faults.
func (s *settings) usage(w io.Writer) {
	fmt.Fprintln(w, "usage: ossd [flags]\n\nServes an OSS for tests, and prints the configuration of clients.")
	s.flags.SetOutput(w)
	s.flags.PrintDefaults()
	fmt.Fprint(w, `
A fault is OPERATION:TERM..., such as UploadPart:part=3:times=2:lose-reply. OPERATION is a name
such as UploadPart, or * for any. At least one term is an effect; several effects apply to the same
request. The other terms are conditions, all of which must hold.

Conditions:

`)
	explain(w, conditions)
	fmt.Fprint(w, "\nEffects:\n\n")
	explain(w, effects)
	fmt.Fprintln(w, "\nFaults are checked in the given order; only the first that matches a request applies.")
}

// explain prints terms and their meanings.
func explain(w io.Writer, terms []term) {
	for _, t := range terms {
		fmt.Fprintf(w, "  %-35s  %s\n", t.form, t.means)
	}
}

// bucket returns the bucket of the printed configurations.
func (s *settings) bucket() string {
	if len(s.options.Buckets) > 0 {
		return s.options.Buckets[0]
	}
	return "examples"
}
