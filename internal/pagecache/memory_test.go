package pagecache

import (
	"runtime"
	"testing"
	"testing/fstest"
)

// Of a machine and its groups, as they are found on hosts and in containers.
func TestAvailableIsWhatTheMachineAndItsGroupsLeave(t *testing.T) {
	const meminfo = "MemTotal:       24684512 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"
	const stat = "anon 30000000\nfile 60000000\ninactive_file 40000000\nactive_file 20000000\n"
	const stat1 = "cache 1\ninactive_file 1\nactive_file 1\ntotal_inactive_file 40000000\ntotal_active_file 20000000\n"
	tests := []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no groups", nil, 8000000 << 10},
		{"version 2, no limit", map[string]string{
			"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n",
			"sys/fs/cgroup/user.slice/memory.current": "90000000\n",
		}, 8000000 << 10},
		{"version 2, in a container", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n",
			"sys/fs/cgroup/memory.current": "90000000\n", "sys/fs/cgroup/memory.stat": stat,
		}, 104857600 - 30000000},
		{"version 2, on the host, limited above", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/b/memory.current": "1\n",
			"sys/fs/cgroup/a/memory.max":       "200000000\n", "sys/fs/cgroup/a/memory.current": "90000000\n",
			"sys/fs/cgroup/a/memory.stat": stat,
		}, 170000000},
		{"version 2, memory.high", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n",
			"sys/fs/cgroup/memory.high":    "100000000\n",
			"sys/fs/cgroup/memory.current": "90000000\n", "sys/fs/cgroup/memory.stat": stat,
		}, 70000000},
		{"version 1, with the path of the host", map[string]string{
			"proc/self/cgroup":                           "9:name=systemd:/docker/x\n4:memory:/docker/x\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "104857600\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "90000000\n", "sys/fs/cgroup/memory/memory.stat": stat1,
		}, 104857600 - 30000000},
		{"version 1, without a limit", map[string]string{
			"proc/self/cgroup":                           "4:hugetlb,memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "90000000\n", "sys/fs/cgroup/memory/memory.stat": stat1,
		}, 8000000 << 10},
		{"more in use than allowed", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n",
			"sys/fs/cgroup/memory.current": "90000000\n",
		}, 0},
		{"nonsense", map[string]string{
			"proc/self/cgroup": "0::/../..\n:\n::::\n4:memory:\n", "sys/fs/cgroup/memory.max": "x\n",
			"sys/fs/cgroup/memory.current": "-1\n",
		}, 8000000 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{"proc/meminfo": {Data: []byte(meminfo)}}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, ok := available(root); got != tt.want || !ok {
				t.Errorf("available = %d, %v, want %d", got, ok, tt.want)
			}
		})
	}
}

func TestAvailableIsUnknownWithoutMeminfo(t *testing.T) {
	if got, ok := available(fstest.MapFS{}); ok {
		t.Errorf("available = %d", got)
	}
}

func TestThisMachineHasMemory(t *testing.T) {
	if got, ok := Available(); ok != (runtime.GOOS == "linux") || ok && got < 1<<20 {
		t.Errorf("Available = %d, %v", got, ok)
	}
}
