package osstest

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

// A record is a change as it stands in a journal. A test holds that nothing is left out.
type record struct {
	Bucket  *bucketState  `json:",omitempty"`
	Put     *objectRecord `json:",omitempty"`
	InPlace bool          `json:",omitempty"`
	Drop    *objectRecord `json:",omitempty"` // only what names it
	Begin   *uploadRecord `json:",omitempty"`
	Part    *partRecord   `json:",omitempty"`
	End     string        `json:",omitempty"`
}

type objectRecord struct {
	Bucket, Key, Version string
	Marker               bool            `json:",omitempty"`
	Kind                 string          `json:",omitempty"`
	Content              []segmentRecord `json:",omitempty"`
	Size                 int64           `json:",omitempty"`
	ETag                 string          `json:",omitempty"`
	MD5                  []byte          `json:",omitempty"`
	CRC                  uint64          `json:",omitempty"`
	Header               headerRecord    `json:",omitzero"`
	ACL                  oss.ACL         `json:",omitempty"`
	Parts                []oss.Part      `json:",omitempty"`
	Modified             time.Time       `json:",omitzero"`
	Thawed, Frozen       time.Time       `json:",omitzero"`
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
	Content  []segmentRecord
	Size     int64
	ETag     string
	MD5      []byte
	CRC      uint64
	Modified time.Time
	Running  []byte `json:",omitempty"` // state of the MD5 of a sequential upload
}

// A segmentRecord is a run of bytes of a body.
type segmentRecord struct {
	Body         string // its file
	Offset, Size int64
}

// encodeChange returns the line of c.
func encodeChange(c change) ([]byte, error) {
	r := record{Bucket: c.bucket, InPlace: c.inPlace, End: c.end}
	var err error
	if o := c.put; o != nil {
		if !utf8.ValidString(o.key) {
			return nil, fmt.Errorf("key %q is not UTF-8", o.key)
		}
		r.Put = &objectRecord{
			Bucket: o.bucket, Key: o.key, Version: o.version, Marker: o.marker, Kind: o.kind, Content: recordContent(o.content),
			Size: o.size, ETag: o.etag, MD5: o.md5, CRC: o.crc, Header: recordHeader(o.header), ACL: o.acl, Parts: o.parts, Modified: o.modified,
			Thawed: o.thawed, Frozen: o.frozen,
		}
	}
	if o := c.drop; o != nil {
		r.Drop = &objectRecord{Bucket: o.bucket, Key: o.key, Version: o.version}
	}
	if u := c.begin; u != nil {
		r.Begin = &uploadRecord{
			Bucket: u.bucket, Key: u.key, ID: u.id, Header: recordHeader(u.header), Initiated: u.initiated, Sequential: u.sequential,
		}
	}
	if a := c.part; a != nil {
		p := a.part
		r.Part = &partRecord{
			Upload: a.upload, Number: p.number, Content: recordContent(p.content), Size: p.size,
			ETag: p.etag, MD5: p.md5, CRC: p.crc, Modified: p.modified,
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

// decodeChange undoes encodeChange. The contents it makes hold no references.
func decodeChange(line []byte, bodies *bodyFiles) (c change, err error) {
	var r record
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields() // what a later version knows, this one must not lose
	if err := dec.Decode(&r); err != nil {
		return c, err
	}
	c = change{bucket: r.Bucket, inPlace: r.InPlace, end: r.End}
	if o := r.Put; o != nil {
		c.put = &object{
			name: name{o.Bucket, o.Key}, version: o.Version, marker: o.Marker, kind: o.Kind,
			size: o.Size, etag: o.ETag, md5: o.MD5, crc: o.CRC, header: o.Header.header(), acl: o.ACL, parts: o.Parts, modified: o.Modified,
			thawed: o.Thawed, frozen: o.Frozen,
		}
		if c.put.content, err = bodies.content(o.Content); err != nil {
			return c, err
		}
	}
	if o := r.Drop; o != nil {
		c.drop = &object{name: name{o.Bucket, o.Key}, version: o.Version}
	}
	if u := r.Begin; u != nil {
		c.begin = &upload{
			name: name{u.Bucket, u.Key}, id: u.ID, header: u.Header.header(), initiated: u.Initiated,
			parts: make(map[int]*part), sequential: u.Sequential,
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
		c.part = &arrival{upload: p.Upload, part: &part{
			stored: &stored{content: content, size: p.Size, md5: p.MD5, crc: p.CRC},
			number: p.Number, etag: p.ETag, modified: p.Modified,
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

// recordContent names the files of c. In a Server that persists there is nothing but files.
func recordContent(c content) []segmentRecord {
	var all []segmentRecord
	for _, s := range c {
		all = append(all, segmentRecord{filepath.Base(string(s.body.blob.(fileBlob))), s.offset, s.size})
	}
	return all
}

func (b *bodyFiles) content(records []segmentRecord) (content, error) {
	var c content
	for _, r := range records {
		body, err := b.get(r.Body)
		if err != nil {
			return nil, err
		}
		c = append(c, segment{body, r.Offset, r.Size})
	}
	return c, nil
}

// A headerRecord is a header whose values may be any bytes. JSON has text only: each byte stands
// there as the character of that number, so that what is ASCII can be read.
type headerRecord http.Header

// recordHeader leaves out what might help somebody who reads the file to pass for another.
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
