// Package readme holds the code that README.md shows, as examples that are compiled and run. Its
// test keeps the two the same.
package readme
