package main

import (
	"cmp"
	"crypto/md5"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
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
	order   order                  // what is going to arrive
	pieces  []sum                  // of it, if it says how they are cut
	wholes  []sum                  // of each object that is cut as clients like; one, unless it says their sizes
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

// An order says what is going to arrive: the first Size bytes of the file at Path, in pieces of Part bytes; with Part
// 0, in one object that clients cut as they like.
type order struct {
	Path       string
	Size, Part int64
	Sizes      []int64 // of the objects, one behind the other; nil means that there is one
	Hole       bool    // all bytes are zero
	Verify     bool
	Latency    time.Duration // before each reply
}

func (s *sink) expect(o order) error {
	sizes := o.Sizes
	if sizes == nil {
		for off := int64(0); off < o.Size; off += cmp.Or(o.Part, o.Size) {
			sizes = append(sizes, min(cmp.Or(o.Part, o.Size), o.Size-off))
		}
	}
	read := func() ([]sum, error) { return sumsOf(o.Path, sizes) }
	if o.Hole {
		read = func() ([]sum, error) { return sumsOfHole(sizes) }
	}
	pieces, err := read()
	if err != nil {
		return err
	}
	wholes := pieces
	if o.Sizes == nil {
		wholes = make([]sum, 1)
		for _, p := range pieces {
			wholes[0].size, wholes[0].crc64 = wholes[0].size+p.size, crc64.Combine(wholes[0].crc64, p.crc64, p.size)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order, s.pieces, s.wholes = o, pieces, wholes
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
	case r.Method == http.MethodHead || r.Method == http.MethodGet:
		return s.object(w, r)
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
		return s.complete(w, r, first, key, id)
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
	latency := s.order.Latency
	s.mu.Unlock()
	time.Sleep(latency)
	w.Header().Set("Content-Type", "application/xml")
	_, err := fmt.Fprintf(w,
		"%s<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId>"+
			"</InitiateMultipartUploadResult>", xml.Header, bucket, key, id)
	return err
}

func (s *sink) complete(w http.ResponseWriter, r *http.Request, first int64, key, id string) error {
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
	if s.order.Sizes == nil {
		first = 0
	}
	if first >= int64(len(s.wholes)) || crc != s.wholes[first].crc64 {
		return errors.New("the parts make another object than the source")
	}
	delete(s.uploads, id)
	s.tally.Objects++
	etag := fmt.Sprintf("\"%X-%d\"", tags.Sum(nil), len(parts))
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("ETag", etag)
	w.Header().Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(crc, 10))
	_, err := fmt.Fprintf(w, "%s<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag>"+
		"</CompleteMultipartUploadResult>",
		xml.Header, bucket, key, etag)
	return err
}
