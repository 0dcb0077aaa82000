package main

import (
	"fmt"
	"slices"
	"strings"
)

// How the bytes are handed to a client.
const (
	modeFile   = "file"   // a path
	modeStream = "stream" // a reader of unknown length
	modeSmall  = "small"  // objects of one part each
	modeMany   = "many"   // a directory of files
	modeTree   = "tree"   // a directory of small files, there and back
	modeCount  = "count"  // no upload: instructions are counted

	modeDownload = "download" // not at all: the client fetches the source to a file
	modeRead     = "read"     // or as a stream
)

const maxSmall = 4096 // objects

// A scenario is one kind of upload.
type scenario struct {
	name    string
	mode    string
	part    int64   // bytes; 0 means what each client chooses, and leaves workers to it too
	workers int     // parts or objects in flight
	callers int     // files uploaded at the same time, by one uploader; 0 means that there is one file
	sizes   []int64 // of the files, once the scenario is sized
	tls     bool
	slow    bool  // over a line with latency and a rate a connection
	size    int64 // bytes at most; 0 means what -size says
	cold    bool  // the source is not in the page cache
	memory  int64 // bytes that the client's memory cgroup may take, page cache included; 0 means that it has none
	hole    bool  // the file is one hole, of the full size whatever -size says; runs only if it is named
}

// scenarios are all there are, in the order they run in.
func scenarios() []scenario {
	const KiB, MiB = 1 << 10, 1 << 20
	all := []scenario{
		{name: "file-8x3", mode: modeFile, part: 8 * MiB, workers: 3},
		{name: "file-16x8", mode: modeFile, part: 16 * MiB, workers: 8},
		{name: "file-defaults", mode: modeFile},
		{name: "stream-8x3", mode: modeStream, part: 8 * MiB, workers: 3},
		{name: "stream-8x8", mode: modeStream, part: 8 * MiB, workers: 8},
		{name: "stream-2x8", mode: modeStream, part: 2 * MiB, workers: 8},
		{name: "stream-defaults", mode: modeStream},
		{name: "small-8", mode: modeSmall, part: 256 * KiB, workers: 8, size: maxSmall * 256 * KiB},
		{name: "small-32", mode: modeSmall, part: 256 * KiB, workers: 32, size: maxSmall * 256 * KiB},
		{name: "tls-file-8x3", mode: modeFile, part: 8 * MiB, workers: 3, tls: true},
		{name: "tls-file-16x8", mode: modeFile, part: 16 * MiB, workers: 8, tls: true},
		{name: "tls-small-8", mode: modeSmall, part: 256 * KiB, workers: 8, tls: true, size: maxSmall * 256 * KiB},
		// So small that nothing is left but planning, requests and bookkeeping. The last part lacks a byte, for v2
		// doubles its part size where the others still see 10,000 parts.
		{name: "parts-10000", mode: modeFile, part: KiB, workers: 3, size: 10000*KiB - 1},
	}
	all = append(all, scenario{name: "many-files", mode: modeMany, callers: 8})
	all = append(all, scenario{name: "tree", mode: modeTree, part: treeFile, workers: 8, size: 10000 * treeFile})
	all = append(all, scenario{name: "cold", mode: modeFile, part: 8 * MiB, workers: 4, cold: true})
	for _, n := range []int64{100, 256, 512, 1024} {
		all = append(all, scenario{name: fmt.Sprintf("container-%d", n), mode: modeFile, part: 8 * MiB, workers: 4,
			cold: true, memory: n * MiB})
	}
	for _, n := range []int{1, 3, 8, 16} {
		all = append(all, scenario{name: fmt.Sprintf("slow-8x%d", n), mode: modeFile, part: 8 * MiB, workers: n,
			slow: true, size: int64(n) * 32 * MiB})
	}
	all = append(all, downloads()...)
	return append(all,
		scenario{name: "slow-defaults", mode: modeFile, slow: true, size: 512 * MiB},
		scenario{name: "sparse-100g", mode: modeFile, part: 16 * MiB, workers: 8, hole: true, size: 100 << 30},
		scenario{name: "arm64", mode: modeCount})
}

// sized returns s for a source of size bytes.
func (s scenario) sized(size int64) scenario {
	if !s.hole && (s.size == 0 || s.size > size) {
		s.size = size
	}
	if s.mode == modeMany {
		s.sizes, s.size = manySizes(s.size)
	}
	if s.mode == modeSmall || s.mode == modeTree {
		s.size = max(s.size/s.part, 1) * s.part
	}
	return s
}

// pieces is the number of parts, or of objects that are one part each; 0 if clients choose it.
func (s scenario) pieces() int64 {
	if s.part == 0 {
		return 0
	}
	return (s.size + s.part - 1) / s.part
}

// objects is how many there must be in the end.
func (s scenario) objects() int64 {
	switch s.mode {
	case modeSmall, modeTree:
		return s.pieces()
	case modeMany:
		return int64(len(s.sizes))
	}
	return 1
}

// choose returns the scenarios whose names begin with one of the words of a list with commas; empty means all that need
// not be named.
func choose(list string) ([]scenario, error) {
	all := scenarios()
	if list == "" {
		return slices.DeleteFunc(all, func(s scenario) bool { return s.hole }), nil
	}
	words := strings.Split(list, ",")
	for _, w := range words {
		if !slices.ContainsFunc(all, func(s scenario) bool { return strings.HasPrefix(s.name, w) }) {
			return nil, fmt.Errorf("no scenario begins with %q", w)
		}
	}
	return slices.DeleteFunc(all, func(s scenario) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(s.name, w) })
	}), nil
}
