//go:build itself

package litestream

import _ "github.com/benbjohnson/litestream" // keeps it in go.mod; nothing here compiles it but its own tests
