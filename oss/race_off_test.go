//go:build !race

package oss_test

const raceEnabled = false
