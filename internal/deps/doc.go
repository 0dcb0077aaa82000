// Package deps holds no code, only tests of the module as a whole: which packages may import which,
// that no exported name mentions a type of another module, that packages keep no state, that every
// exported name has a comment, and that source and prose are plain ASCII in lines of at most 120 columns.
package deps
