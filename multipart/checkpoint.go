package multipart

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// A Checkpoint is the state of a suspended Writer. Together with the parts that OSS holds it is all that another
// process needs to continue at the exact byte. It is plain data that can be marshalled as JSON, stored and sent to
// another machine. It has a few hundred bytes besides its Tail.
type Checkpoint struct {
	Upload oss.Upload `json:"upload"` // its ID is empty if no part is stored: then all bytes are in Tail
	Size   int64      `json:"size"`   // bytes written so far

	Parts  int    `json:"parts"`                  // parts that hold the bytes before Tail, numbered from 1
	CRC64  uint64 `json:"crc64,string,omitempty"` // ECMA, of the bytes in the parts; 0 if it is unknown
	Tail   []byte `json:"tail,omitempty"`         // the last bytes, too few for a part
	Digest string `json:"digest"`                 // of the number, size and ETag of each part, and of Tail

	PartSize int64 `json:"partSize"` // bytes in the first parts; later parts grow
	// fail with oss.ErrAlreadyExists if the key exists at the end
	ForbidOverwrite bool  `json:"forbidOverwrite,omitempty"`
	Sidecar         bool  `json:"sidecar,omitempty"`  // the Checkpoint is also in the object SidecarKey(Upload)
	Unproved        int64 `json:"unproved,omitempty"` // see Result.Unproved

	// when the upload was initiated, by the clock of OSS; zero means unknown
	Begun   time.Time `json:"begun,omitzero"`
	Saved   time.Time `json:"saved,omitzero"`    // when the Writer was suspended
	Options string    `json:"options,omitempty"` // digest of the object options; "" means unknown
}

// ErrStaleCheckpoint reports that a Checkpoint cannot be continued, or that a Writer cannot be suspended, because
// another Writer has replaced one of its parts or has saved a later Checkpoint in the same place.
var ErrStaleCheckpoint = errors.New("multipart: checkpoint is stale, another Writer has written to the upload")

// stored returns the bytes in parts.
func (cp *Checkpoint) stored() int64 { return cp.Size - int64(len(cp.Tail)) }

// plan returns the record of cp for a Store.
func (cp *Checkpoint) plan() Plan {
	return Plan{Upload: cp.Upload, Size: -1, PartSize: cp.PartSize, ForbidOverwrite: cp.ForbidOverwrite,
		Begun: cp.Begun, Options: cp.Options, Checkpoint: cp}
}

// check returns an error for a Checkpoint that no Writer has made.
func (cp *Checkpoint) check(least int64) error {
	if err := oss.CheckObjectName(cp.Upload.Bucket, cp.Upload.Key); err != nil {
		return err
	}
	switch {
	case cp.Parts < 0 || cp.Parts > oss.MaxPartNumber:
		return fmt.Errorf("multipart: checkpoint has %d parts, and OSS allows %d", cp.Parts, oss.MaxPartNumber)
	case cp.stored() < int64(cp.Parts)*least || cp.Parts == 0 && cp.stored() != 0:
		return fmt.Errorf("multipart: checkpoint of %d bytes has %d parts and a tail of %d bytes",
			cp.Size, cp.Parts, len(cp.Tail))
	case cp.Parts > 0 && cp.Upload.ID == "":
		return errors.New("multipart: checkpoint has parts and no upload ID")
	case cp.PartSize < least || cp.PartSize > oss.MaxPartSize:
		return fmt.Errorf("multipart: part size %d of the checkpoint is not between %d and %d bytes",
			cp.PartSize, least, oss.MaxPartSize)
	case cp.Unproved < 0 || cp.Unproved > cp.stored():
		return fmt.Errorf("multipart: checkpoint has %d unproved bytes of %d", cp.Unproved, cp.stored())
	}
	return nil
}

// A session is what an upload that a Writer suspends or continues has stored, while no part is in flight.
type session struct {
	parts    []oss.Part // numbered from 1 without gaps
	others   []int      // numbers of further parts that OSS holds; the Writer does not use their bytes
	crc      uint64     // of the bytes in parts
	known    bool       // whether crc is known
	tail     []byte     // the bytes after those in parts
	unproved int64      // bytes that were taken up without a Checkpoint
}

// digest identifies the parts and the tail.
func (s *session) digest() string {
	h := sha256.New()
	for _, p := range s.parts {
		fmt.Fprintf(h, "%d %d %s\n", p.Number, p.Size, plainETag(p.ETag))
	}
	h.Write(s.tail)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func plainETag(etag string) string { return strings.ToUpper(strings.Trim(etag, `"`)) }

// stored returns the bytes in parts.
func (s *session) stored() (n int64) {
	for _, p := range s.parts {
		n += p.Size
	}
	return n
}

// add appends parts that have been stored.
func (s *session) add(parts []oss.Part) {
	more := expect(parts)
	s.crc = crc64.Combine(s.crc, more.crc, more.size)
	s.known = s.known && more.known
	s.parts = append(s.parts, parts...)
}

// newSession returns the session of the first n of the parts that OSS lists. Their numbers must have no gaps.
func newSession(held []oss.Part, n int, least int64) *session {
	s := &session{known: true}
	s.add(held[:n:n])
	s.setOthers(held[n:], least)
	return s
}

// setOthers notes the parts that OSS lists after those of s. Those with fewer than least bytes are of no use already.
func (s *session) setOthers(held []oss.Part, least int64) {
	s.others = nil
	for _, p := range held {
		if p.Size >= least {
			s.others = append(s.others, p.Number)
		}
	}
}

// countWhole returns how many of the parts that OSS lists follow one another from number 1, each of at least least
// bytes.
func countWhole(held []oss.Part, least int64) (n int) {
	for n < len(held) && held[n].Number == n+1 && held[n].Size >= least {
		n++
	}
	return n
}

// takeUp returns the session of cp, given the parts that OSS lists. With more it takes up those after cp too.
func (cp *Checkpoint) takeUp(held []oss.Part, least int64, more bool) (*session, error) {
	whole := countWhole(held, least)
	if whole < cp.Parts {
		return nil, fmt.Errorf("%w: it has %d parts, and part %d is missing", ErrStaleCheckpoint, cp.Parts, whole+1)
	}
	s := newSession(held, cp.Parts, least)
	s.tail, s.unproved = cp.Tail, cp.Unproved
	switch {
	case s.stored() != cp.stored() || s.digest() != cp.Digest:
		return nil, fmt.Errorf("%w: its %d parts are not those that OSS holds", ErrStaleCheckpoint, cp.Parts)
	case s.known && cp.CRC64 != 0 && s.crc != cp.CRC64:
		return nil, fmt.Errorf("%w: the CRC-64 of its parts is %d and not %d", ErrStaleCheckpoint, s.crc, cp.CRC64)
	case !s.known && cp.CRC64 != 0:
		s.crc, s.known = cp.CRC64, true
	}
	if more && whole > cp.Parts {
		s.takeMore(held, whole, least)
	}
	return s, nil
}

// takeMore takes up the parts that OSS lists after those of s, up to the n-th. The first of them begins with the tail,
// unless the last Writer has been truncated inside the tail.
func (s *session) takeMore(held []oss.Part, n int, least int64) {
	more := held[len(s.parts):n:n]
	if expect(more).size < int64(len(s.tail)) {
		return
	}
	s.add(more)
	s.setOthers(held[n:], least)
	s.tail, s.unproved = nil, s.stored()
}

// leastPart returns the fewest bytes that become a part when a Writer is suspended. Among the first 3,000 parts it is
// least, the minimum of OSS. Then it doubles every thousand parts: with 100 KiB, 10,000 parts hold at least 24 GiB even
// if the Writer is suspended after every few bytes.
func leastPart(number int, least int64) int64 {
	for n := smallParts; n < number; n += stepParts {
		least *= 2
	}
	return least
}
