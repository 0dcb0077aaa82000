// Package flow decides who may send a request now. It knows nothing of OSS.
//
// A [Semaphore] bounds the requests in flight and the bytes in memory. A [RetryBudget] bounds the retries of many operations
// together.
package flow
