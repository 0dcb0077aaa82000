// Package flow decides when a request may be sent. It is independent of OSS.
//
//   - A [Semaphore] bounds the requests in flight and the bytes in memory.
//   - A [Governor] holds the Semaphore of the requests in flight. It lowers the limit when the service throttles, finds
//     the limit where none is given, and holds all requests back while the service cannot be reached.
//   - A [Gate] is what package oss knows of a Governor: it is asked before every attempt.
//   - A [RetryBudget] bounds the retries of many operations together.
package flow
