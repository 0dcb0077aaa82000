package store

import (
	"slices"
	"sort"
)

// An index is a map whose keys are in the order of bytes. The zero value is empty. Lookups take logarithmic time, steps
// of a cursor constant time. Entries are kept in blocks, so that an insertion moves those of one block only.
type index[V any] struct {
	blocks [][]entry[V] // in order; none is empty
	len    int
}

type entry[V any] struct {
	key   string
	value V
}

// maxBlock is the number of entries at which a block is split.
const maxBlock = 512

// get returns the value of a key, or the zero value.
func (x *index[V]) get(key string) (v V) {
	if e := x.seek(key).entry(); e != nil && e.key == key {
		return e.value
	}
	return v
}

// set sets the value of a key.
func (x *index[V]) set(key string, value V) {
	c := x.seek(key)
	if e := c.entry(); e != nil && e.key == key {
		e.value = value
		return
	}
	x.len++
	added := entry[V]{key, value}
	if c.block == len(x.blocks) { // behind all others
		if c.block == 0 || len(x.blocks[c.block-1]) == maxBlock {
			x.blocks = append(x.blocks, []entry[V]{added})
		} else {
			x.blocks[c.block-1] = append(x.blocks[c.block-1], added)
		}
		return
	}
	block := slices.Insert(x.blocks[c.block], c.i, added)
	if len(block) > maxBlock {
		const half = maxBlock / 2
		x.blocks = slices.Insert(x.blocks, c.block+1, slices.Clone(block[half:]))
		clear(block[half:])
		block = block[:half]
	}
	x.blocks[c.block] = block
}

// remove removes a key, if it is there.
func (x *index[V]) remove(key string) {
	c := x.seek(key)
	if e := c.entry(); e == nil || e.key != key {
		return
	}
	x.len--
	if x.blocks[c.block] = slices.Delete(x.blocks[c.block], c.i, c.i+1); len(x.blocks[c.block]) == 0 {
		x.blocks = slices.Delete(x.blocks, c.block, c.block+1)
	}
}

// seek returns the position of the first entry whose key is not less than key.
func (x *index[V]) seek(key string) cursor[V] {
	c := cursor[V]{index: x}
	c.block = sort.Search(len(x.blocks), func(b int) bool { return x.blocks[b][len(x.blocks[b])-1].key >= key })
	if c.block < len(x.blocks) {
		block := x.blocks[c.block]
		c.i = sort.Search(len(block), func(i int) bool { return block[i].key >= key })
	}
	return c
}

// end returns the position behind the last entry.
func (x *index[V]) end() cursor[V] { return cursor[V]{index: x, block: len(x.blocks)} }

// A cursor is a position in an index, valid until a key is added or removed.
type cursor[V any] struct {
	index *index[V]
	block int // len(index.blocks) behind the last entry
	i     int // within the block; 0 behind the last entry
}

// entry returns the entry at c, or nil behind the last one.
func (c cursor[V]) entry() *entry[V] {
	if c.block == len(c.index.blocks) {
		return nil
	}
	return &c.index.blocks[c.block][c.i]
}

// next returns the position behind the entry at c.
func (c cursor[V]) next() cursor[V] {
	if c.i++; c.i == len(c.index.blocks[c.block]) {
		c.block, c.i = c.block+1, 0
	}
	return c
}

// previous returns the position before c, which is not that of the first entry.
func (c cursor[V]) previous() cursor[V] {
	if c.i == 0 {
		c.block--
		c.i = len(c.index.blocks[c.block])
	}
	c.i--
	return c
}

// all iterates over the entries in order.
func (x *index[V]) all(yield func(key string, value V) bool) {
	for _, block := range x.blocks {
		for _, e := range block {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// listsByKey has a list for each key of each bucket.
type listsByKey[E any] map[string]*index[[]E]

// bucket returns the lists of a bucket, which the caller does not modify.
func (l listsByKey[E]) bucket(name string) *index[[]E] {
	if x := l[name]; x != nil {
		return x
	}
	return new(index[[]E])
}

func (l listsByKey[E]) get(n Name) []E { return l.bucket(n.Bucket).get(n.Key) }

// set sets a list. An empty one is removed, as is a bucket without lists.
func (l listsByKey[E]) set(n Name, list []E) {
	x := l.bucket(n.Bucket)
	if len(list) == 0 {
		if x.remove(n.Key); x.len == 0 {
			delete(l, n.Bucket)
		}
		return
	}
	x.set(n.Key, list)
	l[n.Bucket] = x
}
