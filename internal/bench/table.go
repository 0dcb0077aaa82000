package main

import (
	"fmt"
	"io"
	"runtime"
	"time"
)

// table prints rows in Markdown. Factors are of CPU time, against floor and against v2 in the same scenario.
func table(out io.Writer, rows []row, runs int) {
	fmt.Fprintf(out, "Medians of %d, %s %s/%s, %d cores. CPU is user and system of the client process alone.\n\n",
		runs, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintln(out, "| scenario | client | CPU s/GiB | x floor | x v2 | wall s | MiB/s | peak MiB | CPU us/part | KiB/part | allocs/part |")
	fmt.Fprintln(out, "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |")
	for _, r := range rows {
		mib, pieces := float64(r.scenario.size)/(1<<20), float64(r.scenario.pieces())
		peak := "-"
		if r.Peak > 0 {
			peak = fmt.Sprintf("%.0f", r.Peak)
		}
		fmt.Fprintf(out, "| %s | %s | %.2f | %s | %s | %.2f | %.0f | %s | %.0f | %.1f | %.0f |\n",
			r.scenario.name, r.client, r.CPU.Seconds()/(mib/1024), r.against(rows, "floor"), r.against(rows, "v2"),
			r.Wall.Seconds(), mib/r.Wall.Seconds(), peak,
			float64(r.CPU)/float64(time.Microsecond)/pieces, float64(r.Bytes)/1024/pieces, float64(r.Allocs)/pieces)
	}
}

// against returns the factor between r's CPU time and that of a client in the same scenario, if it ran.
func (r row) against(rows []row, client string) string {
	for _, other := range rows {
		if other.scenario.name == r.scenario.name && other.client == client && other.CPU > 0 {
			return fmt.Sprintf("%.2f", r.CPU.Seconds()/other.CPU.Seconds())
		}
	}
	return "-"
}
