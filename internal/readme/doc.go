// Package readme holds the code that README.md shows, as examples that are compiled and run. Its tests compare the two,
// and check the links of the documents in Markdown.
package readme
