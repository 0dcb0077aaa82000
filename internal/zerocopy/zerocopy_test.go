package zerocopy

import (
	"os"
	"testing"
)

func TestIsZeroReportsWhetherARegionExposesNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		region Region
		want   bool
	}{
		{"the zero Region", Region{}, true},
		{"a size alone", Region{Size: 1}, true},
		{"a file", Region{File: os.Stdin, Size: 1}, false},
		{"memory", Region{Bytes: []byte{0}, Size: 1}, false},
		{"an empty slice", Region{Bytes: []byte{}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.region.IsZero(); got != tt.want {
				t.Errorf("IsZero() = %v, want %v", got, tt.want)
			}
		})
	}
}
