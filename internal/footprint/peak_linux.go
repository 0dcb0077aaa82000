package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// peakMiB returns the most resident memory that a process had at any time.
func peakMiB(p *os.ProcessState) float64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(usage.Maxrss) / 1024 // Linux counts in KiB
}

// ownPeakMiB returns the same of this process, or 0 if it cannot be told. Linux counts the peak of a
// process from before it was executed, when it still was its parent; that includes what the parent
// has here, but not what the parent's own parent had, which Rusage would add.
func ownPeakMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kib float64
	fmt.Fscan(bytes.NewReader(rest), &kib)
	return kib / 1024
}
