package conformance_test

import (
	"testing"
	"time"
)

// trafficAssumptions are about x-oss-traffic-limit.
func trafficAssumptions() []assumption {
	return []assumption{
		{
			ID: "A450", Source: liveTest, Where: goV1SDK + " TestBucketTrafficLimitUpload; " + cppSDK +
				" ObjectTrafficLimitTest; " + pythonSDK,
			Ops:   []string{"UploadPart", "PutObject", "GetObject"},
			Claim: "A traffic limit is kept, and x-oss-qos-delay-time tells the milliseconds.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), block('1', 40<<10)
				id := e.initiate(t, key)
				began := time.Now()
				r := e.upload(t, key, id, 1, data, "x-oss-traffic-limit", "819200").wants(t, 200)
				if took := time.Since(began); took < 300*time.Millisecond {
					t.Errorf("40 KiB at 819200 bit/s take %v", took)
				}
				matches(t, "x-oss-qos-delay-time", r.header.Get("x-oss-qos-delay-time"), digits)
			},
		},
	}
}
