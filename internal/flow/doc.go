// Package flow decides who may send a request now. It knows nothing of OSS.
//
// A [Semaphore] bounds the requests in flight and the bytes in memory.
package flow
