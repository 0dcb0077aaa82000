//go:build purego

package md5lanes

import "testing"

func TestPuregoHasNoKernel(t *testing.T) {
	if n := Lanes(); n != 1 || len(runnable) != 0 {
		t.Errorf("Lanes = %d, and %d kernels, want 1 and none", n, len(runnable))
	}
}
