//go:build purego

package crc64

import "testing"

func TestPuregoHasNoKernel(t *testing.T) {
	if fastest != table {
		t.Errorf("fastest = %v, want %v", fastest, table)
	}
}
