// Package litestream runs the tests of litestream, which replicates SQLite databases, against oss/osstest. They reach
// it through the second official Go SDK, at the version that litestream takes.
package litestream
