// Package contract holds what programs outside this repository compile against. Its test does not run
// anything: if a public name or signature changes, it no longer compiles.
package contract
