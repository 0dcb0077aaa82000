package multipart_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Compress while uploading: the compressor writes into the Writer.
func ExampleUploader_NewWriter_gzip() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	archive := func(ctx context.Context, key string, src io.Reader) error {
		w := up.NewWriter(ctx, "logs", key, &oss.ObjectOptions{ContentType: "text/plain", ContentEncoding: "gzip"})
		defer w.Abort() // does nothing after Close
		z := gzip.NewWriter(w)
		if _, err := io.Copy(z, src); err != nil {
			return err
		}
		if err := z.Close(); err != nil { // writes the last bytes
			return err
		}
		return w.Close() // creates the object
	}
	if err := archive(context.Background(), "app.log", strings.NewReader("a line of a log\n")); err != nil {
		log.Fatal(err)
	}

	obj, err := srv.Client().GetObject(context.Background(), "logs", "app.log", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Body.Close()
	z, err := gzip.NewReader(obj.Body)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(z)
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// a line of a log
	// <nil>
}

// Sized tells the length of a stream that cannot tell it. A stream of another length makes no object.
func ExampleSized() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	stream := func() io.Reader { return io.MultiReader(strings.NewReader("hello, "), strings.NewReader("world")) }

	res, err := up.Upload(context.Background(), "bucket", "key", multipart.Sized(stream(), 12), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes")

	_, err = up.Upload(context.Background(), "bucket", "other", multipart.Sized(stream(), 13), nil)
	fmt.Println("another length:", errors.Is(err, multipart.ErrSourceChanged))
	fmt.Println(srv.Objects("bucket"))
	// Output:
	// 12 bytes
	// another length: true
	// [key]
}

// A web server stores what it receives. All requests share one Uploader, and with it MemoryLimit: a slow client delays
// no other. If the client disconnects, the upload is aborted.
func ExampleSized_handler() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil) // one for the whole program

	handler := http.NewServeMux()
	handler.HandleFunc("PUT /{key...}", func(w http.ResponseWriter, r *http.Request) {
		body := multipart.Sized(r.Body, r.ContentLength) // -1 if the client does not tell the length
		res, err := up.Upload(r.Context(), "uploads", r.PathValue("key"), body, nil)
		if err != nil {
			http.Error(w, "the upload failed", http.StatusBadGateway)
			return
		}
		w.Header().Set("ETag", res.ETag)
		w.WriteHeader(http.StatusCreated)
	})

	reply := httptest.NewRecorder()
	handler.ServeHTTP(reply, httptest.NewRequest("PUT", "/photos/cat.jpg", strings.NewReader("meow")))
	fmt.Println(reply.Code, srv.Objects("uploads"))
	// Output: 201 [photos/cat.jpg]
}

// A blank is a Body of so many zero bytes. A Body can as well read from a database or from another server.
type blank int64

func (b blank) Size() int64 { return int64(b) }

// ReadAt is safe for concurrent use, because workers read different parts at the same time.
func (b blank) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(max(int64(b)-off, 0), int64(len(p))))
	clear(p[:n])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Upload a source of your own in place, without buffers for its parts.
func ExampleUploader_UploadBody() {
	srv := osstest.NewServer(nil)
	defer srv.Close()

	up := multipart.NewUploader(srv.Client(), nil)
	res, err := up.UploadBody(context.Background(), "backups", "zeros", blank(20<<20), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes in", res.Parts, "parts")
	// Output: 20971520 bytes in 3 parts
}
