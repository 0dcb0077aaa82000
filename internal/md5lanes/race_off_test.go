//go:build !race

package md5lanes

const raceEnabled = false
