// Package conformance holds what this module assumes about OSS, one numbered Assumption each, with
// the evidence for it and a check. The checks run against the fake server of package osstest with
// every "go test", and against the service itself where the environment names a bucket:
//
//	OSS_TEST_BUCKET=my-bucket OSS_TEST_REGION=cn-hangzhou \
//	OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=... \
//	go test -run TestServiceMeetsEveryAssumption ./internal/conformance
//
// OSS_TEST_ENDPOINT names an endpoint instead of the public one of the region; without a region
// requests are signed with V1. The suite works below one new key prefix, and removes what it made.
//
// So the fake is never held to what somebody remembers of OSS: a client that is tested against the
// fake is tested against a list that can be checked, line by line, on the day the service changes.
//
// What the assumptions say of the fake, by operation and source, is in oss/osstest/README.md, with the
// differences from the service that are known. "go test ./internal/conformance -update" writes it.
//
// Beside the table, recorded exchanges of the service (testdata/recorded) are replayed against the
// fake, and its replies compared with the recorded ones in every header and element.
package conformance
