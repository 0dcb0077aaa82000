package ossfs_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"text/template"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/ossfs"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// example returns a client of a server with the objects that the examples read. A program creates its client with
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"})
func example() (context.Context, *oss.Client, func()) {
	ctx := context.Background()
	srv := osstest.NewServer(nil)
	client := srv.Client()
	for key, text := range map[string]string{
		"site/index.html":         "<h1>hello</h1>",
		"site/css/main.css":       "h1 { color: teal }",
		"site/templates/hi.txt":   "hello, {{.}}\n",
		"site/templates/bye.txt":  "bye, {{.}}\n",
		"site/templates/old/a.go": "package old",
	} {
		if _, err := client.PutObject(ctx, "bucket", key, strings.NewReader(text), nil); err != nil {
			log.Fatal(err)
		}
	}
	return ctx, client, srv.Close
}

// Everything that takes an fs.FS reads a bucket.
func ExampleNew() {
	ctx, client, done := example()
	defer done()

	site, err := ossfs.New(ctx, client, "bucket", "site")
	if err != nil {
		log.Fatal(err)
	}
	err = fs.WalkDir(site, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Println(name)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	texts, err := template.ParseFS(site, "templates/*.txt")
	if err != nil {
		log.Fatal(err)
	}
	var text strings.Builder
	err = texts.ExecuteTemplate(&text, "hi.txt", "Ann")
	fmt.Print(text.String(), err)
	// Output:
	// css/main.css
	// index.html
	// templates/bye.txt
	// templates/hi.txt
	// templates/old/a.go
	// hello, Ann
	// <nil>
}

// A web server gives each request its own context, so that a client that goes away ends the requests to OSS.
func ExampleFS_WithContext() {
	ctx, client, done := example()
	defer done()

	site, err := ossfs.New(ctx, client, "bucket", "site")
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.FileServerFS(site.WithContext(r.Context())).ServeHTTP(w, r)
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/css/main.css", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Body)
	// Output: 200 text/css; charset=utf-8 h1 { color: teal }
}

// Glob lists only the keys that can match, and returns an error if a request fails.
func ExampleFS_Glob() {
	ctx, client, done := example()
	defer done()

	site, err := ossfs.New(ctx, client, "bucket", "site")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(site.Glob("templates/*.txt"))
	// Output: [templates/bye.txt templates/hi.txt] <nil>
}
