package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// IDs generates identifiers that look like those of OSS. They follow from Options.Time, so a test with a fixed clock
// gets the same IDs every time, and a later Store does not reuse those of an earlier one. With Options.Persist they
// also follow from the generation, which counts how often a Store was opened in the directory.
//
// It is safe for concurrent use.
type IDs struct {
	mu     sync.Mutex
	source *rand.Rand
}

func (i *IDs) seed(start time.Time, generation uint64) {
	i.source = rand.New(rand.NewPCG(uint64(start.UnixNano()), 0x6f73732074657374+generation))
}

// Next returns 64 random bits.
func (i *IDs) Next() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.source.Uint64()
}

// RequestID returns 24 hexadecimal digits, of which the first eight are the time.
func (i *IDs) RequestID(now time.Time) string {
	return fmt.Sprintf("%08X%016X", uint32(now.Unix()), i.Next())
}

// UploadID returns 32 hexadecimal digits.
func (i *IDs) UploadID() string { return fmt.Sprintf("%016X%016X", i.Next(), i.Next()) }

// A version ID is opaque to clients. The recorded ones are the base64 of a protocol buffer with four fields: 1, a small
// number, a stamp, and 32 hexadecimal digits. The stamp is the time in milliseconds, shifted left by 20 bits, plus a
// small number. Those of a Store have the same form and length.
const (
	versionHead  = "\x08\x01\x10\x8a\x01\x18" // fields 1 and 2 as recorded, and the tag of field 3
	versionShift = 20
)

// IDEncoding is the base64 of opaque IDs. None of its characters is escaped in a URL.
var IDEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._").WithPadding('-')

// versionID returns the ID of a version that is newer than the one with the stamp after.
func (i *IDs) versionID(now time.Time, after uint64) string {
	stamp := max(uint64(now.UnixMilli())<<versionShift, after) + 1
	b := binary.AppendUvarint([]byte(versionHead), stamp)
	b = append(b, 4<<3|2, 32) // field 4, of 32 bytes
	b = fmt.Appendf(b, "%016x%016x", i.Next(), i.Next())
	return IDEncoding.EncodeToString(b)
}

// VersionStamp returns the stamp in a version ID: later versions have larger stamps. It is 0 for NullVersion and for
// the IDs of other servers.
func VersionStamp(id string) uint64 {
	b, err := IDEncoding.DecodeString(id)
	if err != nil || !bytes.HasPrefix(b, []byte(versionHead)) {
		return 0
	}
	stamp, _ := binary.Uvarint(b[len(versionHead):])
	return stamp
}

// IsVersionID reports whether id has the form of a version ID, of a Store or of OSS. The two differ in field 2.
func IsVersionID(id string) bool {
	b, err := IDEncoding.DecodeString(id)
	return err == nil && bytes.HasPrefix(b, []byte(versionHead[:3]))
}
