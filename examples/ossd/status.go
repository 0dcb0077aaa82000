package main

import (
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Paths of the status page. No bucket can have the name "-".
const (
	statusPath = "/-/"
	healthPath = "/-/health"
)

// shownUploads is the number of unfinished uploads that the page lists.
const shownUploads = 200

// A statusPage serves a page with the content of a server and its last requests. It is read-only. Other requests go to
// log.
type statusPage struct {
	server *osstest.Server
	log    *requestLog
	about  string // description of the server, one line
}

// ServeHTTP serves the paths of the page at a host without a bucket, where they cannot be the path of an object.
func (p *statusPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isBare(r.Host) || r.URL.Path != statusPath && r.URL.Path != healthPath {
		p.log.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "read only", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == healthPath {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	uploads := p.server.Uploads()
	shown := uploads[:min(len(uploads), shownUploads)]
	page.Execute(w, map[string]any{ // an error means that the client is gone
		"About": p.about, "Buckets": p.server.Buckets(),
		"Uploads": shown, "More": len(uploads) - len(shown), "Requests": p.log.recent.newestFirst(),
	})
}

// isBare reports whether a host has no bucket: it is an IP address or a single label.
func isBare(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || !strings.Contains(host, ".")
}

var page = template.Must(template.New("status").Funcs(template.FuncMap{
	"bytes": byteCount,
	"when":  func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
	"held": func(u osstest.Upload) string {
		var n int64
		for _, part := range u.Parts {
			n += part.Size
		}
		return byteCount(n)
	},
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>ossd</title>
<style>
body { font-family: sans-serif; margin: 2em; max-width: 75em }
table { border-collapse: collapse; margin-bottom: 2em }
th, td { text-align: left; padding: 0.2em 1em 0.2em 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere }
td.number, th.number { text-align: right }
</style>
</head>
<body>
<h1>ossd</h1>
<p>{{.About}}</p>
<h2>Buckets</h2>
{{if .Buckets}}<table>
<tr><th>name</th><th>class</th><th>ACL</th><th>versioning</th><th class="number">objects</th>` +
	`<th class="number">size</th><th class="number">unfinished uploads</th></tr>
{{range .Buckets}}<tr><td>{{.Name}}</td><td>{{.StorageClass}}</td><td>{{.ACL}}</td><td>{{or .Versioning "none"}}</td>` +
	`<td class="number">{{.Objects}}</td><td class="number">{{bytes .Size}}</td>` +
	`<td class="number">{{.Uploads}}</td></tr>
{{end}}</table>{{else}}<p>There are none yet.</p>{{end}}
<h2>Unfinished uploads</h2>
{{if .Uploads}}<table>
<tr><th>bucket</th><th>key</th><th>upload ID</th><th>begun</th><th class="number">parts</th>` +
	`<th class="number">size</th></tr>
{{range .Uploads}}<tr><td>{{.Bucket}}</td><td>{{.Key}}</td><td>{{.ID}}</td><td>{{when .Time}}</td>` +
	`<td class="number">{{len .Parts}}</td><td class="number">{{held .}}</td></tr>
{{end}}</table>{{if .More}}<p>There are {{.More}} more.</p>{{end}}{{else}}<p>There are none.</p>{{end}}
<h2>Last requests</h2>
{{if .Requests}}<table>
<tr><th>time</th><th>operation</th><th>resource</th><th class="number">part</th>` +
	`<th class="number">in</th><th class="number">out</th><th>answer</th><th class="number">ms</th><th>fault</th></tr>
{{range .Requests}}<tr><td>{{when .Time}}</td><td>{{.Name}}</td><td>{{.Resource}}</td>` +
	`<td class="number">{{if .Part}}{{.Part}}{{end}}</td>` +
	`<td class="number">{{bytes .In}}</td><td class="number">{{bytes .Out}}</td><td>{{.Outcome}}</td>` +
	`<td class="number">{{printf "%.1f" .Millis}}</td><td>{{.Fault}}</td></tr>
{{end}}</table>{{else}}<p>There were none yet.</p>{{end}}
</body>
</html>
`))

// byteCount formats a number of bytes with a unit.
func byteCount(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 10<<10 {
			return fmt.Sprint(n, " ", unit)
		}
		n >>= 10
	}
	return fmt.Sprint(n, " TiB")
}
