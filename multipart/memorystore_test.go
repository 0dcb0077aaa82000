package multipart_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/ossmultipart/go-oss/multipart"
)

// memoryStore is a Store. A moody one fails now and then.
type memoryStore struct {
	mu    sync.Mutex
	plans map[string]multipart.Plan
	rnd   *rand.Rand
	moody bool
}

var errMoody = errors.New("the store has its moods")

func (s *memoryStore) do(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moody && s.rnd.IntN(4) == 0 {
		return errMoody
	}
	f()
	return nil
}

func (s *memoryStore) Load(_ context.Context, id string) (p multipart.Plan, err error) {
	ok := false
	if err := s.do(func() { p, ok = s.plans[id] }); err != nil {
		return p, err
	}
	if !ok {
		return p, os.ErrNotExist
	}
	return p, nil
}

func (s *memoryStore) Save(_ context.Context, id string, p multipart.Plan) error {
	return s.do(func() { s.plans[id] = p })
}

func (s *memoryStore) Delete(_ context.Context, id string) error {
	return s.do(func() { delete(s.plans, id) })
}

// A mapStore is the least that a user writes: a Store in memory without locks, which keeps JSON.
type mapStore struct {
	mu   sync.Mutex
	text map[string][]byte
}

func (m *mapStore) Load(_ context.Context, id string) (p multipart.Plan, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.text[id]
	if !ok {
		return p, fs.ErrNotExist
	}
	return p, json.Unmarshal(text, &p)
}

func (m *mapStore) Save(_ context.Context, id string, p multipart.Plan) error {
	text, err := json.Marshal(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text[id] = text
	return err
}

func (m *mapStore) Delete(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.text, id)
	return nil
}
