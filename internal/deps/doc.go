// Package deps holds no code, only tests of the module as a whole: who may import whom, that no
// name this module exports mentions a type of another module, that packages keep no state, and
// that their source is plain ASCII with a comment on every exported name.
package deps
