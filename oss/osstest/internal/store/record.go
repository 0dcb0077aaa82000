package store

import (
	"bytes"
	"crypto/md5"
	"encoding"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/ossmultipart/go-oss/oss"
)

// A record is the JSON form of a change. A test fails if a field of Object, Upload or Part is missing here. Names of
// fields are the format of the journal, and must stay.
type record struct {
	Bucket  *Bucket       `json:",omitempty"`
	Put     *objectRecord `json:",omitempty"`
	InPlace bool          `json:",omitempty"`
	Drop    *objectRecord `json:",omitempty"` // only its name and version
	Begin   *uploadRecord `json:",omitempty"`
	Part    *partRecord   `json:",omitempty"`
	End     string        `json:",omitempty"`
}

type objectRecord struct {
	Bucket, Key, Version string
	Marker               bool         `json:",omitempty"`
	Kind                 string       `json:",omitempty"`
	Content              []runRecord  `json:",omitempty"`
	Size                 int64        `json:",omitempty"`
	ETag                 string       `json:",omitempty"`
	MD5                  []byte       `json:",omitempty"`
	CRC                  uint64       `json:",omitempty"`
	Header               headerRecord `json:",omitzero"`
	ACL                  oss.ACL      `json:",omitempty"`
	Parts                []oss.Part   `json:",omitempty"`
	Modified             time.Time    `json:",omitzero"`
	Thawed, Frozen       time.Time    `json:",omitzero"`
}

type uploadRecord struct {
	Bucket, Key, ID string
	Header          headerRecord `json:",omitzero"`
	Initiated       time.Time
	Sequential      bool `json:",omitempty"`
}

type partRecord struct {
	Upload   string
	Number   int
	Content  []runRecord
	Size     int64
	ETag     string
	MD5      []byte
	CRC      uint64
	Modified time.Time
	Running  []byte `json:",omitempty"` // state of the MD5 of the parts so far, in a sequential upload
}

// A runRecord is a run of a Content.
type runRecord struct {
	Body         string // name of its file
	Offset, Size int64
}

// encodeChange returns the line of c in the journal.
func encodeChange(c change) ([]byte, error) {
	r := record{Bucket: c.bucket, InPlace: c.inPlace, End: c.end}
	var err error
	if o := c.put; o != nil {
		if !utf8.ValidString(o.Key) {
			return nil, fmt.Errorf("key %q is not UTF-8", o.Key)
		}
		r.Put = &objectRecord{
			Bucket: o.Bucket, Key: o.Key, Version: o.VersionID, Marker: o.DeleteMarker, Kind: o.Type,
			Content: recordContent(o.Content),
			Size:    o.Size, ETag: o.ETag, MD5: o.MD5, CRC: o.CRC64, Header: recordHeader(o.Header),
			ACL: o.ACL, Parts: o.Parts, Modified: o.Modified,
			Thawed: o.ReadableFrom, Frozen: o.ReadableUntil,
		}
	}
	if o := c.drop; o != nil {
		r.Drop = &objectRecord{Bucket: o.Bucket, Key: o.Key, Version: o.VersionID}
	}
	if u := c.begin; u != nil {
		r.Begin = &uploadRecord{
			Bucket: u.Bucket, Key: u.Key, ID: u.ID, Header: recordHeader(u.Header), Initiated: u.Initiated,
			Sequential: u.Sequential,
		}
	}
	if a := c.part; a != nil {
		p := a.part
		r.Part = &partRecord{
			Upload: a.upload, Number: p.Number, Content: recordContent(p.Content), Size: p.Size,
			ETag: p.ETag, MD5: p.MD5, CRC: p.CRC64, Modified: p.Modified,
		}
		if a.md5 != nil {
			if r.Part.Running, err = a.md5.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
				return nil, err
			}
		}
	}
	line, err := json.Marshal(r)
	return append(line, '\n'), err
}

// decodeChange is the inverse of encodeChange. The contents that it returns hold no references.
func decodeChange(line []byte, bodies *bodyFiles) (c change, err error) {
	var r record
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields() // a later version wrote them, and this one would lose them
	if err := dec.Decode(&r); err != nil {
		return c, err
	}
	c = change{bucket: r.Bucket, inPlace: r.InPlace, end: r.End}
	if o := r.Put; o != nil {
		c.put = &Object{
			Name: Name{o.Bucket, o.Key}, VersionID: o.Version, DeleteMarker: o.Marker, Type: o.Kind,
			Size: o.Size, ETag: o.ETag, MD5: o.MD5, CRC64: o.CRC, Header: o.Header.header(),
			ACL: o.ACL, Parts: o.Parts, Modified: o.Modified,
			ReadableFrom: o.Thawed, ReadableUntil: o.Frozen,
		}
		if c.put.Content, err = bodies.content(o.Content); err != nil {
			return c, err
		}
	}
	if o := r.Drop; o != nil {
		c.drop = &Object{Name: Name{o.Bucket, o.Key}, VersionID: o.Version}
	}
	if u := r.Begin; u != nil {
		c.begin = &Upload{
			Name: Name{u.Bucket, u.Key}, ID: u.ID, Header: u.Header.header(), Initiated: u.Initiated,
			parts: make(map[int]*Part), Sequential: u.Sequential,
		}
		if u.Sequential {
			c.begin.md5 = md5.New()
		}
	}
	if p := r.Part; p != nil {
		content, err := bodies.content(p.Content)
		if err != nil {
			return c, err
		}
		c.part = &storedPart{upload: p.Upload, part: &Part{
			Data:   &Data{Content: content, Size: p.Size, MD5: p.MD5, CRC64: p.CRC},
			Number: p.Number, ETag: p.ETag, Modified: p.Modified,
		}}
		if p.Running != nil {
			var running hash.Hash = md5.New()
			if err := running.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.Running); err != nil {
				return c, err
			}
			c.part.md5 = running
		}
	}
	return c, nil
}

// recordContent returns the runs of c, whose bodies are all in files.
func recordContent(c Content) []runRecord {
	var all []runRecord
	for _, s := range c {
		all = append(all, runRecord{filepath.Base(string(s.body.blob.(fileBlob))), s.offset, s.size})
	}
	return all
}

func (b *bodyFiles) content(records []runRecord) (Content, error) {
	var c Content
	for _, r := range records {
		body, err := b.get(r.Body)
		if err != nil {
			return nil, err
		}
		c = append(c, run{body, r.Offset, r.Size})
	}
	return c, nil
}

// A headerRecord is a header whose values may be any bytes. JSON has only text, so each byte is written as the Unicode
// character with its number; ASCII values stay readable.
type headerRecord http.Header

// recordHeader leaves out the headers with credentials.
func recordHeader(h http.Header) headerRecord {
	if h == nil {
		return nil
	}
	r := make(headerRecord, len(h))
	for name, values := range h {
		if name == "Authorization" || name == "X-Oss-Security-Token" {
			continue
		}
		for _, v := range values {
			runes := make([]rune, len(v))
			for i := range len(v) {
				runes[i] = rune(v[i])
			}
			r[name] = append(r[name], string(runes))
		}
	}
	return r
}

func (r headerRecord) header() http.Header {
	if r == nil {
		return nil
	}
	h := make(http.Header, len(r))
	for name, values := range r {
		for _, v := range values {
			var b []byte
			for _, char := range v {
				b = append(b, byte(char))
			}
			h[name] = append(h[name], string(b))
		}
	}
	return h
}
