//go:build race

package multipart_test

// raceEnabled makes the longest tests shorter, which the race detector makes longer again.
const raceEnabled = true
