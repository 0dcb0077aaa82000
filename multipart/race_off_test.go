//go:build !race

package multipart_test

const raceEnabled = false
