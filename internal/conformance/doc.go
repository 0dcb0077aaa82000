// Package conformance has no code besides its tests. They hold what this module assumes about OSS: one numbered
// assumption each, with its evidence and a check. The checks run against the fake server of package osstest with every
// "go test", and against the service if the environment names a bucket:
//
//	OSS_TEST_BUCKET=my-bucket OSS_TEST_REGION=cn-hangzhou \
//	OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=... \
//	go test -run TestServiceMeetsEveryAssumption ./internal/conformance
//
// OSS_TEST_ENDPOINT replaces the public endpoint of the region; without a region requests are signed with V1. The tests
// use keys below one new prefix only, and remove what they created.
//
// So the fake is compared with a list that can be checked line by line when the service changes. The tests also replay
// recorded exchanges of the service (testdata/recorded) against the fake, and compare every header and element of the
// replies.
//
// Files are named for the operations or subjects of their assumptions: see the function assumptions in
// assumption_test.go. To add one, append it to the list of its file with the next free ID, and run
//
//	go test ./internal/conformance -update
//
// which writes oss/osstest/README.md: the assumptions by operation and source, and the known differences.
package conformance
