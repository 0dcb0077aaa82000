package main

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

// A sink is a store that keeps nothing. It answers what OSS and S3 would.
type sink struct {
	mu      sync.Mutex
	pieces  []sum // what is going to arrive
	latency time.Duration
	verify  bool
	uploads map[string]map[int]sum // unfinished: their parts, by ID
	tally   tally
	buffers sync.Pool
}

// A tally is what has arrived since the last order.
type tally struct {
	Objects, Pieces, Bytes int64
	Unfinished             int
}

func newSink() *sink {
	return &sink{uploads: make(map[string]map[int]sum), buffers: sync.Pool{New: func() any {
		b := make([]byte, 256<<10) // more than net/http's own buffer, so that it reads straight into this one
		return &b
	}}}
}

// An order says what is going to arrive: the first Size bytes of the file at Path, in pieces of Part bytes.
type order struct {
	Path       string
	Size, Part int64
	Verify     bool
	Latency    time.Duration // before each reply
}

func (s *sink) expect(o order) error {
	pieces, err := sumsOf(o.Path, o.Size, o.Part)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces, s.verify, s.latency = pieces, o.Verify, o.Latency
	return nil
}

// take returns the tally and begins another.
func (s *sink) take() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally
	t.Unfinished = len(s.uploads)
	s.tally = tally{}
	clear(s.uploads)
	return t
}

// The requests of the bench itself. No bucket has such a name.
const (
	expectPath = "/-/expect"
	takePath   = "/-/take"
)

// ServeHTTP tells OSS from S3 in nothing: their requests for uploads in parts are the same.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.serve(w, r)
	if err == nil {
		return
	}
	// InvalidArgument is repeated by no client.
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, xml.Header, "<Error><Code>InvalidArgument</Code><Message>")
	xml.EscapeText(w, []byte(err.Error()))
	fmt.Fprint(w, "</Message></Error>")
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) error {
	switch r.URL.Path {
	case expectPath:
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			return err
		}
		return s.expect(o)
	case takePath:
		return json.NewEncoder(w).Encode(s.take())
	}
	_, key, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !ok {
		return fmt.Errorf("%s %s is of no object", r.Method, r.URL.Path)
	}
	first, err := firstOf(key)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	q.Del("x-id") // the AWS SDK names the operation, which adds nothing
	id := q.Get("uploadId")
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return s.initiate(w, key)
	case r.Method == http.MethodPut && id != "":
		number, err := strconv.Atoi(q.Get("partNumber"))
		if err != nil || number < 1 {
			return fmt.Errorf("part number is %q", q.Get("partNumber"))
		}
		return s.piece(w, r, first+int64(number-1), id, number)
	case r.Method == http.MethodPut && len(q) == 0:
		return s.piece(w, r, first, "", 0)
	case r.Method == http.MethodPost && id != "":
		return s.complete(w, r, key, id)
	case r.Method == http.MethodDelete && id != "":
		w.WriteHeader(http.StatusNoContent) // and keep it in the tally of unfinished ones: nothing here may fail
		return nil
	}
	return fmt.Errorf("%s %s is not known", r.Method, r.URL)
}

func (s *sink) initiate(w http.ResponseWriter, key string) error {
	s.mu.Lock()
	id := fmt.Sprintf("UPLOAD-%s-%d", key, len(s.uploads))
	s.uploads[id] = make(map[int]sum)
	latency := s.latency
	s.mu.Unlock()
	time.Sleep(latency)
	w.Header().Set("Content-Type", "application/xml")
	_, err := fmt.Fprintf(w, "%s<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>",
		xml.Header, bucket, key, id)
	return err
}

// piece takes in one part, or an object that is one piece if id is empty.
func (s *sink) piece(w http.ResponseWriter, r *http.Request, index int64, id string, number int) error {
	s.mu.Lock()
	pieces, verify, latency := s.pieces, s.verify, s.latency
	s.mu.Unlock()
	if index >= int64(len(pieces)) {
		return fmt.Errorf("piece %d of %d", index, len(pieces))
	}
	want := pieces[index]
	if text := r.Header.Get("Content-MD5"); text != "" && text != base64.StdEncoding.EncodeToString(want.md5[:]) {
		return fmt.Errorf("piece %d has Content-MD5 %s, which is wrong", index, text)
	}
	body := io.Reader(r.Body)
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") || strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = newChunkedReader(body)
	}
	if err := s.swallow(body, want, verify); err != nil {
		return fmt.Errorf("piece %d: %w", index, err)
	}
	time.Sleep(latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		parts, ok := s.uploads[id]
		if !ok {
			return fmt.Errorf("there is no upload %s", id)
		}
		parts[number] = want
	} else {
		s.tally.Objects++
	}
	s.tally.Pieces++
	s.tally.Bytes += want.size
	w.Header().Set("ETag", want.etag())
	w.Header().Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(want.crc64, 10))
	return nil
}

// swallow reads a body, which must be that of want.
func (s *sink) swallow(body io.Reader, want sum, verify bool) error {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	if verify {
		got, err := sumOf(body, *buf)
		if err == nil && got != want {
			err = fmt.Errorf("got %d bytes with MD5 %x, want %d with %x", got.size, got.md5, want.size, want.md5)
		}
		return err
	}
	var size int64
	for {
		n, err := body.Read(*buf)
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if size != want.size {
		return fmt.Errorf("got %d bytes, want %d", size, want.size)
	}
	return nil
}

func (s *sink) complete(w http.ResponseWriter, r *http.Request, key, id string) error {
	var list struct{ Part []struct{ PartNumber int } }
	if err := xml.NewDecoder(r.Body).Decode(&list); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := s.uploads[id]
	if len(parts) == 0 || len(parts) != len(list.Part) {
		return fmt.Errorf("%d parts are listed, %d were sent", len(list.Part), len(parts))
	}
	var crc uint64
	tags := md5.New()
	for i, p := range list.Part {
		part, ok := parts[i+1]
		if !ok || p.PartNumber != i+1 {
			return errors.New("parts are missing or out of order")
		}
		crc = crc64.Combine(crc, part.crc64, part.size)
		tags.Write(part.md5[:])
	}
	delete(s.uploads, id)
	s.tally.Objects++
	etag := fmt.Sprintf("\"%X-%d\"", tags.Sum(nil), len(parts))
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("ETag", etag)
	w.Header().Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(crc, 10))
	_, err := fmt.Fprintf(w, "%s<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag></CompleteMultipartUploadResult>",
		xml.Header, bucket, key, etag)
	return err
}
