// Package interop holds other people's clients against oss/osstest: the two Go SDKs and the Node
// client of Alibaba Cloud, as their users install them, beside the client of package oss. Each uploads,
// lists, completes, aborts, downloads and is refused over real connections on loopback ports, and each
// reads what the others wrote.
//
// It is a module of its own, so that users of go-oss carry none of these dependencies. README.md
// says which versions run and how.
package interop
