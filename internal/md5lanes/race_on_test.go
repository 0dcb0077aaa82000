//go:build race

package md5lanes

// raceEnabled says that the race detector runs, which allocates memory of its own.
const raceEnabled = true
