package md5lanes

import (
	"crypto/md5"
	"encoding"
	"encoding/binary"
	"hash"
)

// A scalar adds blocks to one state at a time, by crypto/md5. A hash.Hash of that package can be set to any state,
// because it is an encoding.BinaryUnmarshaler. Its encoding is that of Go 1.10 and later: a magic string, the state,
// an incomplete block, and the length of the message.
type scalar struct {
	hash hash.Hash
	buf  []byte // the encoding
}

const (
	magic   = "md5\x01"
	encoded = len(magic) + md5.Size + md5.BlockSize + 8 // bytes
)

func newScalar() *scalar {
	s := &scalar{hash: md5.New(), buf: make([]byte, encoded)}
	copy(s.buf, magic)
	return s
}

// add adds whole blocks to a state.
func (s *scalar) add(to *state, blocks []byte) {
	clear(s.buf[len(magic):]) // no incomplete block, and a length that is a multiple of BlockSize
	for i, word := range to {
		binary.BigEndian.PutUint32(s.buf[len(magic)+4*i:], word)
	}
	err := s.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(s.buf)
	s.hash.Write(blocks)
	if err == nil {
		s.buf, err = s.hash.(encoding.BinaryAppender).AppendBinary(s.buf[:0])
	}
	if err != nil || len(s.buf) != encoded {
		panic("md5lanes: crypto/md5 has another encoding")
	}
	for i := range to {
		to[i] = binary.BigEndian.Uint32(s.buf[len(magic)+4*i:])
	}
}
