package multipart

import (
	"context"
	"fmt"
	"io"
	"time"
)

// This file is the goroutine of a stream that reads its source and waits for memory.

// readAll reads the source into chunks.
func (s *stream) readAll(ctx context.Context) {
	defer close(s.chunks)
	probe := make([]byte, min(probeSize, s.pool.chunk))
	for s.err == nil {
		c, err := s.readChunk(ctx, probe)
		s.err = err
		if len(c.bytes) == 0 || err != nil && err != io.EOF {
			s.drop(c)
			return
		}
		s.pool.mu.Lock()
		s.unsent += int64(len(c.bytes))
		s.pool.mu.Unlock()
		select {
		case s.chunks <- c:
		case <-ctx.Done():
			s.drop(c)
			s.err = ctx.Err()
		}
	}
}

// readChunk reads the next chunk. It takes memory only when probe is full; with fewer bytes the stream has ended.
func (s *stream) readChunk(ctx context.Context, probe []byte) (*chunk, error) {
	n, err := s.fill(probe)
	if err == nil {
		err = s.allow(ctx)
	}
	if err != nil {
		return &chunk{bytes: probe[:n]}, err
	}
	c := s.pool.take(s)
	copy(c.bytes, probe)
	n, err = s.fill(c.bytes[len(probe):])
	c.bytes = c.bytes[:len(probe)+n]
	return c, err
}

// fill reads until p is full, or until the source ends or fails.
func (s *stream) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.read(p[n:])
		n += m
	}
	s.total += int64(n)
	switch {
	case s.exact && s.total > s.size:
		err = fmt.Errorf("%w: it has more than the %d bytes that Sized said", ErrSourceChanged, s.size)
	case s.exact && err == io.EOF && s.total < s.size:
		err = fmt.Errorf("%w: it ended at byte %d of %d", ErrSourceChanged, s.total, s.size)
	case err != nil && err != io.EOF:
		err = fmt.Errorf("reading the source at byte %d: %w", s.total, err)
	}
	return n, err
}

// read reads at least a byte, unless the stream has been closed.
func (s *stream) read(p []byte) (int, error) {
	s.reading.Store(true)
	defer s.reading.Store(false)
	if s.closed.Load() { // close sets closed first, and then checks reading
		return 0, context.Canceled
	}
	return readSome(s.r, p)
}

// readSome reads at least a byte, unless r fails or returns no bytes many times in a row.
func readSome(r io.Reader, p []byte) (int, error) {
	const maxEmptyReads = 100
	for range maxEmptyReads {
		n, err := r.Read(p)
		if n < 0 || n > len(p) {
			return 0, fmt.Errorf("reader returned the impossible count %d", n)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// allow waits until the allowance of the stream is free: until there is room under the limit for the chunk that uses
// it, which is full, or until OSS has that chunk.
func (s *stream) allow(ctx context.Context) error {
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.own == nil || s.count() {
		return nil
	}
	need := p.chunk
	if s.number >= smallParts && s.unsent > 0 { // otherwise that chunk is being sent
		need = max(need, s.partSize()-s.unsent)
	}
	if p.limit.TryAcquire(need) {
		s.room += need
		s.count()
		return nil
	}

	waiting, wake := context.WithCancel(ctx)
	defer wake()
	s.wake, s.waits = wake, true
	p.relieve(true)
	p.mu.Unlock()
	slow := time.AfterFunc(slowWait, func() {
		s.slow()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.relieve(false) // for changes after relieve above and before Acquire
	})
	long := time.AfterFunc(longWait, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if s.number >= smallParts && s.canSend() {
			s.sendNow()
		}
	})
	err := p.limit.Acquire(waiting, need)
	slow.Stop()
	long.Stop()
	p.mu.Lock()
	s.wake = nil
	if err == nil && s.own == nil { // the allowance came back at the same time
		p.limit.Release(need)
	} else if err == nil {
		s.room += need
		s.count()
	} else if s.own != nil {
		return err // the upload has ended
	}
	s.waits = false
	return nil
}

// count moves the chunk that uses the allowance to the limit, if the stream has room there, and reports whether it did.
// pool.mu is held.
func (s *stream) count() bool {
	p := s.pool
	if s.room < p.chunk {
		return false
	}
	s.room -= p.chunk
	s.own.of, s.own.counted = nil, true
	s.own = nil
	p.allow(-p.chunk)
	return true
}
