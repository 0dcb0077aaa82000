//go:build !amd64

package md5lanes

// runnable is empty: there are no kernels for this architecture, and no group is ever made.
var runnable []kernel = nil

func (k kernel) blocks(*state, *[maxLanes]*byte, int) { panic("md5lanes: no kernel " + k.name) }
