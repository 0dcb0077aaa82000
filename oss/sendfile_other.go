//go:build !linux

package oss

import (
	"errors"
	"net"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// errNoSendfile reports that a file must be read to be sent.
var errNoSendfile = errors.New("no sendfile")

func sendFile(net.Conn, zerocopy.Region, *requestBody) (int64, error) { return 0, errNoSendfile }
