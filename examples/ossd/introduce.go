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

// introduce prints the settings of the server and the configuration of clients, which all use the same environment
// variables.
func (s *settings) introduce(w io.Writer, addr *net.TCPAddr) error {
	var faults []string
	for _, f := range s.faults {
		faults = append(faults, printable(f.text))
	}
	id, secret := osstest.AccessKeyID, osstest.AccessKeySecret
	if !s.testKey {
		id, secret = s.options.Credentials[0].AccessKeyID, "..." // known to the user
	}
	return introduction.Execute(w, map[string]any{
		"Endpoint": s.endpoint(addr),
		"Remote":   !addr.IP.IsLoopback(),
		"Features": s.features(),
		"PEM":      s.certificatePEM,
		"Page":     statusPath,
		"Region":   s.options.Region,
		"Bucket":   s.bucket(),
		"Buckets":  cmp.Or(strings.Join(s.options.Buckets, ", "), "all"),
		"Dir":      s.options.Dir,
		"RefuseV1": s.options.RefuseV1,
		"TestKeys": s.testKey,
		"ID":       id,
		"Secret":   secret,
		"Faults":   faults,
	})
}

// endpoint returns the endpoint for clients.
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

// features returns a line for each optional feature that is enabled.
func (s *settings) features() []string {
	var lines []string
	for _, f := range []struct {
		name, value string
		on          bool
	}{
		{"class", s.options.StorageClass + ", of buckets that are created without one", s.options.StorageClass != ""},
		{"callbacks", "sent, to loopback addresses only", s.options.Callbacks != nil},
		{"CORS", strings.Join(s.origins, ", "), len(s.origins) > 0},
		{"disk", "synced before each reply", s.options.Sync},
		{"record", s.record, s.record != ""},
	} {
		if f.on {
			lines = append(lines, fmt.Sprintf("%-11s %s", f.name, printable(f.value)))
		}
	}
	return lines
}

var introduction = template.Must(template.New("introduction").Parse(`ossd serves an OSS for tests.

  endpoint    {{.Endpoint}}{{if .Remote}}, and every other address of this machine, ` +
	`which other machines can reach{{end}}
  region      {{.Region}}
  buckets     {{.Buckets}}
  keys        {{if .TestKeys}}the test key below, which OSS does not accept{{else}}those of the settings{{end}}
  signatures  {{if .RefuseV1}}V4{{else}}V1 and V4{{end}}
  data        {{if .Dir}}in {{.Dir}}, kept after the end{{else}}in memory, lost at the end{{end}}
  status      {{.Endpoint}}{{.Page}}
{{- range .Features}}
  {{.}}
{{- end}}
{{- range .Faults}}
  fault       {{.}}
{{- end}}
{{- if .PEM}}

This certificate is self-signed. To make clients trust it, save it to a file and name the file in SSL_CERT_FILE,
NODE_EXTRA_CA_CERTS or REQUESTS_CA_BUNDLE:

{{.PEM}}{{- end}}

The clients below use these variables. Bucket names are in the path, because the address is an IP.

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

An interrupt stops it. Requests:

`))
