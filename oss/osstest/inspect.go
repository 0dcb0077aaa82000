package osstest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// An Object is a version of a stored object. The caller may change it.
type Object struct {
	Data   []byte // the content; nil from Stat and Versions
	Size   int64  // bytes
	ETag   string // with quotes, as clients get it
	CRC64  uint64
	Header http.Header // of the request that created it
	ACL    oss.ACL     // "" is the default
	Parts  []oss.Part  // of a completed upload; nil otherwise
	Time   time.Time   // of the last modification

	VersionID    string // "null" in a bucket without versions
	DeleteMarker bool   // the version says that the object was deleted
}

// exportObject returns o without its Data.
func exportObject(o *store.Object) Object {
	return Object{
		Size: o.Size, ETag: o.ETag, CRC64: o.CRC64, Header: o.Header.Clone(), ACL: o.ACL,
		Parts: slices.Clone(o.Parts), Time: o.Modified, VersionID: o.VersionID, DeleteMarker: o.DeleteMarker,
	}
}

// Object returns the newest version of an object, with its Data. It returns false if there is none, or only a delete
// marker. For objects that do not fit into memory see Stat.
func (s *Server) Object(bucket, key string) (Object, bool) {
	o, ok := s.objects.Open(store.Name{Bucket: bucket, Key: key}, "")
	if !ok || o.DeleteMarker {
		return Object{}, false
	}
	defer o.Content.Release()
	v := exportObject(o)
	r := o.Content.Reader()
	defer r.Close()
	v.Data = make([]byte, o.Size)
	if _, err := io.ReadFull(r, v.Data); err != nil { // after Close, or if files were removed
		s.opts.Logger.Error("osstest: reading a stored body: " + err.Error())
		v.Data = nil
	}
	return v, true
}

// Stat is Object without the Data.
func (s *Server) Stat(bucket, key string) (Object, bool) {
	o, ok := s.objects.Current(store.Name{Bucket: bucket, Key: key})
	if !ok {
		return Object{}, false
	}
	return exportObject(o), true
}

// PutObject stores an object without a request. It panics if the object cannot be written, as when a disk is full.
func (s *Server) PutObject(bucket, key string, data []byte) {
	to, err := s.objects.NewBody(int64(len(data)))
	if err != nil {
		panic("osstest: " + err.Error())
	}
	d := newDigest()
	d.Write(data)
	if _, err := to.Write(data); err != nil {
		to.Discard()
		panic("osstest: " + err.Error())
	}
	c, err := to.Keep()
	if err != nil {
		panic("osstest: " + err.Error())
	}
	o := normalObject(store.Name{Bucket: bucket, Key: key}, d.data(c), make(http.Header), s.now())
	if err := s.objects.Put(o, false); err != nil {
		panic("osstest: " + err.Error())
	}
}

// Versions returns all versions of an object without their Data, including delete markers, the newest first.
func (s *Server) Versions(bucket, key string) []Object {
	var all []Object
	for _, o := range s.objects.History(store.Name{Bucket: bucket, Key: key}) {
		all = append(all, exportObject(o))
	}
	return all
}

// SetVersioning enables or suspends versions in a bucket, like PutBucketVersioning. It panics if the change cannot be
// written, as when a disk is full.
func (s *Server) SetVersioning(bucket string, enabled bool) {
	err := s.objects.ChangeBucket(bucket, func(b *store.Bucket) error {
		b.Versioning = store.VersioningSuspended
		if enabled {
			b.Versioning = store.VersioningEnabled
		}
		return nil
	})
	if err != nil {
		panic("osstest: " + err.Error())
	}
}

// Objects returns the keys of the objects in a bucket, sorted.
func (s *Server) Objects(bucket string) []string {
	var keys []string
	for _, o := range s.objects.Objects(bucket) {
		keys = append(keys, o.Key)
	}
	return keys
}

// An Upload is an unfinished upload.
type Upload struct {
	oss.Upload
	Header http.Header // of the request that initiated it
	Parts  []oss.Part  // stored so far, by number
	Time   time.Time   // of its initiation
}

// Uploads returns the unfinished uploads of all buckets, sorted by bucket, key and upload ID. At the end of most tests
// there should be none.
func (s *Server) Uploads() []Upload {
	var all []Upload
	for _, u := range s.objects.AllUploads() {
		v := Upload{
			Upload: oss.Upload{Bucket: u.Bucket, Key: u.Key, ID: u.ID},
			Header: u.Header.Clone(), Time: u.Initiated,
		}
		for _, p := range s.objects.Parts(u) {
			v.Parts = append(v.Parts, exportPart(p))
		}
		all = append(all, v)
	}
	return all
}

// exportPart returns p as clients know it.
func exportPart(p *store.Part) oss.Part {
	return oss.Part{Number: p.Number, ETag: p.ETag, Size: p.Size, CRC64: p.CRC64, LastModified: p.Modified}
}

// A Request is a request that a Server received.
type Request struct {
	Op, Method            string // Op is one of Operations, or "" for an unknown operation
	Host                  string
	Bucket, Key, UploadID string // of the addressed resource
	PartNumber            int    // 0 if there is none
	Query                 url.Values
	Header                http.Header // including Authorization
	Size                  int64       // bytes of the body that arrived
	StatusCode            int         // of the reply; 0 if none was sent, or not yet
	Code                  oss.Code    // of an error reply
	RequestID             string      // of the reply
	Time                  time.Time   // of arrival, by the clock of the Server
}

// Requests returns the requests received so far, including refused ones, the oldest first. With ops it returns only
// those operations. The newest 100,000 requests are kept, and fewer if they take more than 64 MiB of memory.
func (s *Server) Requests(ops ...string) []Request { return s.log.all(ops) }

// Limits of the log of requests: enough for several uploads of ten thousand parts.
const (
	logSize  = 100_000
	logBytes = 64 << 20
)

// A requestLog keeps the newest requests.
type requestLog struct {
	mu      sync.Mutex
	entries []*Request
	old     int   // number of entries at the front that were dropped and are nil
	bytes   int64 // memory of the other entries
}

// add adds a request that has just arrived.
func (l *requestLog) add(x *exchange) *Request {
	number, _ := strconv.Atoi(x.query.Get("partNumber"))
	e := &Request{
		Op: x.op.name, Method: x.r.Method, Host: x.r.Host,
		Bucket: x.bucket, Key: x.key, UploadID: x.query.Get("uploadId"), PartNumber: number,
		Query: x.query, Header: x.r.Header.Clone(), RequestID: x.id, Time: x.opts.Now(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
	l.bytes += e.footprint()
	for l.bytes > logBytes || len(l.entries)-l.old > logSize {
		l.bytes -= l.entries[l.old].footprint()
		l.entries[l.old] = nil
		l.old++
	}
	if l.old > logSize/10 { // rarely, because it moves all entries
		l.entries, l.old = slices.Delete(l.entries, 0, l.old), 0
	}
	return e
}

// footprint estimates the memory of a Request in bytes. It does not change while the Request is in the log.
func (e *Request) footprint() int64 {
	const request, entry, value = 512, 96, 32 // a Request with its two maps, a map entry, a value of an entry
	n := request + len(e.Host) + len(e.Bucket) + len(e.Key) + len(e.UploadID) + len(e.RequestID)
	for _, values := range []map[string][]string{e.Query, e.Header} {
		for name, all := range values {
			n += entry + len(name)
			for _, v := range all {
				n += value + len(v)
			}
		}
	}
	return int64(n)
}

// finish adds the outcome to an entry; rep is nil if no reply is sent.
func (l *requestLog) finish(e *Request, rep *reply, size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Size = size
	if rep == nil {
		return
	}
	e.StatusCode = rep.status
	if rep.refusal != nil {
		e.Code = rep.refusal.code
	}
}

func (l *requestLog) all(ops []string) []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Request
	for _, e := range l.entries[l.old:] {
		if len(ops) > 0 && !slices.Contains(ops, e.Op) {
			continue
		}
		v := *e
		v.Query, v.Header = cloneValues(e.Query), e.Header.Clone()
		all = append(all, v)
	}
	return all
}

func cloneValues(v url.Values) url.Values { return url.Values(http.Header(v).Clone()) }
