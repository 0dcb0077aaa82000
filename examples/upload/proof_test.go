package main

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	long := string(data(100 << 10))
	tests := []struct {
		name, got, want string
		n               int64
		same            bool
	}{
		{"empty", "", "", 0, true},
		{"equal", long, long, int64(len(long)), true},
		{"one block", long[:64<<10], long[:64<<10], 64 << 10, true},
		{"shorter", long[:64<<10], long, 64 << 10, false},
		{"longer", long, long[:64<<10], 64 << 10, false},
		{"damaged", long[:70<<10] + "!" + long[70<<10+1:], long, 64 << 10, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := compare(strings.NewReader(tt.got), strings.NewReader(tt.want))
			if n != tt.n || (err == nil) != tt.same {
				t.Errorf("compare = %d, %v, want %d and same %t", n, err, tt.n, tt.same)
			}
		})
	}
}
