package pagecache

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A controller is where a version of cgroups keeps what it knows of memory.
type controller struct {
	mount  string   // where the groups are
	limits []string // files with a limit in bytes
	usage  string   // file with the bytes in use
	prefix string   // of the names in memory.stat that include the groups below
}

// Where distributions and containers mount them. See Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst
// in the source of Linux.
var (
	version1 = controller{
		mount: "sys/fs/cgroup/memory", limits: []string{"memory.limit_in_bytes"}, usage: "memory.usage_in_bytes",
		prefix: "total_",
	}
	version2 = controller{mount: "sys/fs/cgroup", limits: []string{"memory.max", "memory.high"},
		usage: "memory.current"}
)

// available is Available with the root of the file system.
func available(root fs.FS) (bytes int64, ok bool) {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, false
	}
	kib, ok := field(text, "MemAvailable:")
	if !ok {
		return 0, false
	}
	bytes = kib << 10
	groups, _ := fs.ReadFile(root, "proc/self/cgroup") // without it there are none
	for line := range strings.Lines(string(groups)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), ":") // behind the number of the hierarchy
		names, group, found := strings.Cut(line, ":")
		switch {
		case !found:
		case names == "":
			bytes = version2.available(root, group, bytes)
		case slices.Contains(strings.Split(names, ","), "memory"):
			bytes = version1.available(root, group, bytes)
		}
	}
	return bytes, true
}

// available returns the bytes that a group and those above it leave, or most if they have no limit. In a container
// the path of the group is that of the host, and its files are in the mount itself: there the look upwards ends.
func (c controller) available(root fs.FS, group string, most int64) int64 {
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		at := path.Join(c.mount, dir)
		used, ok := number(root, path.Join(at, c.usage))
		for _, name := range c.limits {
			limit, limited := number(root, path.Join(at, name))
			if ok && limited {
				most = min(most, max(limit-used+c.reclaimable(root, at), 0))
			}
		}
		if dir == "/" {
			return most
		}
	}
}

// reclaimable returns the bytes in use that cache files.
func (c controller) reclaimable(root fs.FS, at string) (bytes int64) {
	text, _ := fs.ReadFile(root, path.Join(at, "memory.stat"))
	for _, name := range []string{"inactive_file", "active_file"} {
		n, _ := field(text, c.prefix+name)
		bytes += n
	}
	return bytes
}

// number returns the content of a file; ok is false if that is no number, such as "max".
func number(root fs.FS, name string) (n int64, ok bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n >= 0
}

// field returns the number in the line of text that begins with name.
func field(text []byte, name string) (n int64, ok bool) {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil && n >= 0 && n < 1<<50
		}
	}
	return 0, false
}
