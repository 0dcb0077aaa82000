// Package interop holds other people's clients against oss/osstest: the two Go SDKs and three Node
// clients of Alibaba Cloud, and a Ruby client, as their users install them, beside the client of package oss. Each
// uploads, lists, completes, aborts, downloads and is refused over real connections on loopback ports as far as it
// knows how, and each reads what the others wrote. Package litestream beside it runs a whole program's tests.
//
// It is a module of its own, so that users of go-oss carry none of these dependencies. README.md
// says which versions run and how.
package interop
