package main

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"strings"
	"text/template"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// introduce prints what is served and how to point clients at it. Every client takes the place of
// the service and the keys from the same variables.
func (s *settings) introduce(w io.Writer, addr *net.TCPAddr) error {
	var faults []string
	for _, f := range s.faults {
		faults = append(faults, printable(f.text))
	}
	id, secret := osstest.AccessKeyID, osstest.AccessKeySecret
	if !s.testKey {
		id, secret = s.options.Credentials[0].AccessKeyID, "..." // its owner knows it
	}
	return introduction.Execute(w, map[string]any{
		"Endpoint": s.endpoint(addr),
		"Remote":   !addr.IP.IsLoopback(),
		"Features": s.features(),
		"PEM":      s.certificatePEM,
		"Page":     statusPath,
		"Region":   s.options.Region,
		"Bucket":   s.bucket(),
		"Buckets":  cmp.Or(strings.Join(s.options.Buckets, ", "), "every name is one"),
		"Dir":      s.options.Dir,
		"RefuseV1": s.options.RefuseV1,
		"TestKeys": s.testKey,
		"ID":       id,
		"Secret":   secret,
		"Faults":   faults,
	})
}

// endpoint is where clients find what is served at an address.
func (s *settings) endpoint(addr *net.TCPAddr) string {
	reached := *addr
	if addr.IP.IsUnspecified() {
		reached.IP = net.IPv4(127, 0, 0, 1)
	}
	if s.certificate != nil {
		return "https://" + reached.String()
	}
	return "http://" + reached.String()
}

// features are lines about what was switched on.
func (s *settings) features() []string {
	var lines []string
	for _, f := range []struct {
		name, value string
		on          bool
	}{
		{"class", s.options.StorageClass + ", of buckets that are made without one", s.options.StorageClass != ""},
		{"callbacks", "made, to this machine only", s.options.Callbacks != nil},
		{"CORS", strings.Join(s.origins, ", "), len(s.origins) > 0},
		{"disk", "synced before each answer", s.options.Sync},
		{"record", s.record, s.record != ""},
	} {
		if f.on {
			lines = append(lines, fmt.Sprintf("%-11s %s", f.name, printable(f.value)))
		}
	}
	return lines
}

var introduction = template.Must(template.New("introduction").Parse(`ossd serves an OSS for tests.

  endpoint    {{.Endpoint}}{{if .Remote}}, and the other addresses of this machine: anybody who reaches one may use it{{end}}
  region      {{.Region}}
  buckets     {{.Buckets}}
  keys        {{if .TestKeys}}the test keys below, worth nothing anywhere else{{else}}your own{{end}}
  signatures  {{if .RefuseV1}}V4{{else}}V1 and V4{{end}}
  data        {{if .Dir}}in {{.Dir}}, for the next start too{{else}}in memory, gone at the end{{end}}
  status      {{.Endpoint}}{{.Page}}
{{- range .Features}}
  {{.}}
{{- end}}
{{- range .Faults}}
  fault       {{.}}
{{- end}}
{{- if .PEM}}

It made this certificate for itself. Clients must be told to trust it, for example by SSL_CERT_FILE,
NODE_EXTRA_CA_CERTS or REQUESTS_CA_BUNDLE with the name of a file that holds it:

{{.PEM}}{{- end}}

Every client below needs these variables. The address being an IP, bucket names go into the path.

  export OSS_ENDPOINT={{.Endpoint}} OSS_REGION={{.Region}} OSS_BUCKET={{.Bucket}}
  export OSS_ACCESS_KEY_ID='{{.ID}}' OSS_ACCESS_KEY_SECRET='{{.Secret}}'
  unset OSS_SESSION_TOKEN

go-oss, of which go run ./examples/upload FILE is an example:

  client, err := oss.NewClient(oss.Config{Endpoint: os.Getenv("OSS_ENDPOINT"), Region: os.Getenv("OSS_REGION")})

Alibaba Cloud OSS Go SDK v2:

  cfg := oss.LoadDefaultConfig().
    WithCredentialsProvider(credentials.NewEnvironmentVariableCredentialsProvider()).
    WithEndpoint(os.Getenv("OSS_ENDPOINT")).WithRegion(os.Getenv("OSS_REGION"))
  client := oss.NewClient(cfg)

Alibaba Cloud OSS Go SDK v1:

  client, err := oss.New(os.Getenv("OSS_ENDPOINT"), os.Getenv("OSS_ACCESS_KEY_ID"), os.Getenv("OSS_ACCESS_KEY_SECRET"),
    oss.AuthVersion(oss.AuthV4), oss.Region(os.Getenv("OSS_REGION")))

ali-oss for Node.js, whose regions begin with "oss-", and which can sign URLs only for a name:

  const { OSS_ENDPOINT, OSS_REGION, OSS_BUCKET: bucket,
    OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret } = process.env
  const client = new OSS({ endpoint: OSS_ENDPOINT.replace('127.0.0.1', 'localhost'), sldEnable: true,
    region: 'oss-' + OSS_REGION, bucket, accessKeyId, accessKeySecret, authorizationV4: true })

oss2 for Python:

  auth = oss2.ProviderAuthV4(oss2.credentials.EnvironmentVariableCredentialsProvider())
  env = os.environ
  bucket = oss2.Bucket(auth, env['OSS_ENDPOINT'], env['OSS_BUCKET'], region=env['OSS_REGION'], is_path_style=True)

ossutil 2:

  ossutil cp FILE oss://$OSS_BUCKET/ -e $OSS_ENDPOINT --region $OSS_REGION --addressing-style path

An interrupt ends it. Requests:

`))
