package main

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

// piece takes in part number of the upload called id, or an object if id is empty.
func (s *sink) piece(w http.ResponseWriter, r *http.Request, index int64, id string, number int) error {
	s.mu.Lock()
	order, pieces, wholes := s.order, s.pieces, s.wholes
	s.mu.Unlock()
	body := io.Reader(r.Body)
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") ||
		strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = newChunkedReader(body)
	}
	var got sum
	var err error
	switch {
	case order.Part == 0:
		got, err = s.swallowAny(body, r.Header.Get("Content-MD5"), order.Verify)
		if err == nil && id == "" && (index >= int64(len(wholes)) || !got.sameBytes(wholes[index])) {
			err = errors.New("object is not the source")
		}
	case index >= int64(len(pieces)):
		err = fmt.Errorf("there are %d", len(pieces))
	default:
		got = pieces[index]
		err = s.swallow(body, r.Header.Get("Content-MD5"), got, order.Verify)
	}
	if err != nil {
		return fmt.Errorf("piece %d: %w", index, err)
	}
	time.Sleep(order.Latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		parts, ok := s.uploads[id]
		if !ok {
			return fmt.Errorf("there is no upload %s", id)
		}
		parts[number] = got
	} else {
		s.tally.Objects++
	}
	s.tally.Pieces++
	s.tally.Bytes += got.size
	w.Header().Set("ETag", got.etag())
	w.Header().Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(got.crc64, 10))
	return nil
}

// swallow reads a body, which must be that of want, and have its MD5 if the client says one.
func (s *sink) swallow(body io.Reader, digest string, want sum, verify bool) error {
	if digest != "" && digest != base64.StdEncoding.EncodeToString(want.md5[:]) {
		return fmt.Errorf("Content-MD5 %s is wrong", digest)
	}
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	if verify {
		got, err := sumOf(body, *buf)
		if err == nil && got != want {
			err = fmt.Errorf("got %d bytes with MD5 %x, want %d with %x", got.size, got.md5, want.size, want.md5)
		}
		return err
	}
	size, err := eachRead(body, *buf, func([]byte) {})
	if err == nil && size != want.size {
		err = fmt.Errorf("got %d bytes, want %d", size, want.size)
	}
	return err
}

// swallowAny reads a body that was cut where the client liked. Its CRC-64 costs next to nothing. Its MD5 is what the
// client says, and hashed only to verify.
func (s *sink) swallowAny(body io.Reader, digest string, verify bool) (got sum, err error) {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	if digest != "" {
		said, err := base64.StdEncoding.DecodeString(digest)
		if err != nil || len(said) != md5.Size {
			return sum{}, fmt.Errorf("Content-MD5 %s is none", digest)
		}
		got.md5 = [md5.Size]byte(said)
	}
	if verify {
		real, err := sumOf(body, *buf)
		if err == nil && digest != "" && got.md5 != real.md5 {
			err = fmt.Errorf("Content-MD5 %s is wrong", digest)
		}
		return real, err
	}
	got.size, err = eachRead(body, *buf, func(p []byte) { got.crc64 = crc64.Update(got.crc64, p) })
	return got, err
}

// eachRead reads r to its end and returns how much that was.
func eachRead(r io.Reader, buf []byte, use func([]byte)) (size int64, err error) {
	for {
		n, err := r.Read(buf)
		use(buf[:n])
		size += int64(n)
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
