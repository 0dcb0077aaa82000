//go:build race

package oss_test

const raceEnabled = true
