package osstusd_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"

	osstusd "github.com/ossmultipart/go-oss/oss/drivers/tusd"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// The client of the example is one of a test server. A program creates it with
//
//	client, err := oss.NewClient(oss.Config{Region: "cn-hangzhou"})
//
// which reads the keys from the environment.
func ExampleStore_UseIn() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	store, err := osstusd.New(srv.Client(), "videos", &osstusd.Options{Prefix: "incoming/"})
	if err != nil {
		log.Fatal(err)
	}
	composer := handler.NewStoreComposer()
	store.UseIn(composer)
	memorylocker.New().UseIn(composer)
	tus, err := handler.NewHandler(handler.Config{StoreComposer: composer, BasePath: "/files/", Logger: quiet()})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/files/", http.StripPrefix("/files/", tus))
	web := httptest.NewServer(http.DefaultServeMux)
	defer web.Close()

	// What a client does that has the whole file at hand:
	r, err := http.NewRequest("POST", web.URL+"/files/", strings.NewReader("holiday"))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Length", "7")
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.Status, resp.Header.Get("Upload-Offset"))

	if resp, err = http.Get(resp.Header.Get("Location")); err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// 201 Created 7
	// holiday <nil>
}
