package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table prints rows in Markdown. Factors are of what stands before them, against floor and against v2 in the same
// scenario. What is counted by the part is what the client has allocated on the heap.
func table(out io.Writer, rows []row, runs int) {
	fmt.Fprintf(out, "Medians of %d, %s %s/%s, %d cores. CPU is user and system of the client process alone.\n\n",
		runs, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintln(out, "| scenario | client | CPU s/GiB | x floor | x v2 | wall s | x v2 | MiB/s | peak MiB | disk MiB "+
		"| heap MiB | parts | CPU us/part | KiB/part | allocs/part |")
	fmt.Fprintln(out, "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |")
	for _, r := range rows {
		mib, pieces := float64(r.scenario.size)/(1<<20), float64(r.Pieces)
		peak := "-"
		if r.Peak > 0 {
			peak = fmt.Sprintf("%.0f", r.Peak)
		}
		fmt.Fprintf(out,
			"| %s | %s | %.2f | %s | %s | %.2f | %s | %.0f | %s | %.0f | %.1f | %d | %.0f | %.1f | %.0f |\n",
			r.scenario.name, r.client, r.CPU.Seconds()/(mib/1024),
			r.against(rows, "floor", cpuSeconds), r.against(rows, "v2", cpuSeconds),
			r.Wall.Seconds(), r.against(rows, "v2", wallSeconds), mib/r.Wall.Seconds(), peak, r.Disk,
			float64(r.Bytes)/(1<<20), r.Pieces,
			float64(r.CPU)/float64(time.Microsecond)/pieces, float64(r.Bytes)/1024/pieces, float64(r.Allocs)/pieces)
	}
}

// What rows are compared by.
func cpuSeconds(r row) float64  { return r.CPU.Seconds() }
func wallSeconds(r row) float64 { return r.Wall.Seconds() }
func diskMiBs(r row) float64    { return r.Disk }

// against returns the factor between a number of r and that of a client in the same scenario, if that is known.
func (r row) against(rows []row, client string, of func(row) float64) string {
	for _, other := range rows {
		if other.scenario.name == r.scenario.name && other.client == client && of(other) > 0 {
			return fmt.Sprintf("%.2f", of(r)/of(other))
		}
	}
	return "-"
}

// summary prints a line for each scenario: the CPU seconds for each GiB of every client, and how ours compares with v2.
func summary(out io.Writer, rows []row) {
	var scenarios, clients []string
	cells := make(map[[2]string]row)
	for _, r := range rows {
		if !slices.Contains(scenarios, r.scenario.name) {
			scenarios = append(scenarios, r.scenario.name)
		}
		if !slices.Contains(clients, r.client) {
			clients = append(clients, r.client)
		}
		cells[[2]string{r.scenario.name, r.client}] = r
	}
	fmt.Fprintln(out, "\nCPU s/GiB of each client; what follows is ours.\n\n| scenario | "+strings.Join(clients, " | ")+
		" | CPU x v2 | wall x v2 | disk x v2 | peak MiB | allocs/part |")
	fmt.Fprintln(out, "| --- |"+strings.Repeat(" --: |", len(clients)+5))
	for _, name := range scenarios {
		fmt.Fprintf(out, "| %s |", name)
		for _, client := range clients {
			if r, ok := cells[[2]string{name, client}]; ok {
				fmt.Fprintf(out, " %.2f |", r.CPU.Seconds()/(float64(r.scenario.size)/(1<<30)))
			} else {
				fmt.Fprint(out, " - |")
			}
		}
		ours, ok := cells[[2]string{name, "ours"}]
		if !ok {
			fmt.Fprintln(out, " - | - | - | - | - |")
			continue
		}
		fmt.Fprintf(out, " %s | %s | %s | %.0f | %.0f |\n",
			ours.against(rows, "v2", cpuSeconds), ours.against(rows, "v2", wallSeconds),
			ours.against(rows, "v2", diskMiBs), ours.Peak, float64(ours.Allocs)/float64(ours.Pieces))
	}
}
