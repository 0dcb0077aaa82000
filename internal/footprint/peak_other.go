//go:build !linux

package main

import "os"

// peakMiB returns 0: the peak is measured on Linux only.
func peakMiB(*os.ProcessState) float64 { return 0 }
func ownPeakMiB() float64              { return 0 }
