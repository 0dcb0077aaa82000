//go:build !(amd64 || arm64) || purego

package md5lanes

// runnable is empty: there are no kernels here, and every message is hashed alone.
var runnable []kernel

func (k kernel) blocks(*columns, *[maxLanes]*byte, int) { panic("md5lanes: no kernel " + k.name) }
