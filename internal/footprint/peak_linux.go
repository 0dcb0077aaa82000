package main

import (
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

// ownPeakMiB returns the same of this process. Linux hands it on: the peak of a process that was
// started by another counts from the moment before it was executed, when it was that other.
func ownPeakMiB() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Maxrss) / 1024
}
