package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A chunkedReader takes the content out of a body with Content-Encoding aws-chunked, in which S3 clients put
// signatures or checksums between the bytes: each chunk has a line with its length in hexadecimal and perhaps
// ";chunk-signature=..." before it. Signatures and trailers are not looked at.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
type chunkedReader struct {
	r    *bufio.Reader
	left int64 // of the chunk under way
	more bool  // a chunk was read, so that its line end is to come
	err  error
}

func newChunkedReader(r io.Reader) *chunkedReader {
	return &chunkedReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Read returns content only.
func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, err
}

// next reads the line before a chunk. After the last one it reads what is left, so that the connection can be used
// again.
func (c *chunkedReader) next() error {
	if c.more {
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(err, fmt.Errorf("chunk is followed by %q", line))
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	digits, _, _ := strings.Cut(line, ";")
	c.left, err = strconv.ParseInt(digits, 16, 64)
	if err != nil || c.left < 0 {
		return fmt.Errorf("chunk begins with %q", line)
	}
	c.more = true
	if c.left > 0 {
		return nil
	}
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		return err
	}
	return io.EOF
}

func (c *chunkedReader) line() (string, error) {
	line, err := c.r.ReadSlice('\n')
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return strings.TrimRight(string(line), "\r\n"), err
}
