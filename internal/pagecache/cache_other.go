//go:build !linux || !(amd64 || arm64 || riscv64 || loong64)

package pagecache

import (
	"errors"
	"os"
)

func drop(_ *os.File, off, n int64) {}

func startWriteback(_ *os.File, off, n int64) {}

func reopen(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

func residentAt(_ *os.File, off, n int64) (resident, ok bool) { return false, false }
