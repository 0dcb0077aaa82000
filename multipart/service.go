package multipart

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// A service is OSS as an Uploader or a Downloader uses it: a client, and the Governor that all of its transfers share.
type service struct {
	client   *oss.Client
	governor *flow.Governor // decides when a request may be sent

	probing atomic.Pointer[oss.Request] // the request of the governor's probes, about the key of the latest transfer
}

// connect sets the client and the governor. A concurrency of 0 means adaptive, a patience of 0 DefaultPatience.
func (s *service) connect(c *oss.Client, concurrency int, patience time.Duration) {
	limits := flow.Config{
		Limit: int64(cmp.Or(concurrency, DefaultConcurrency)), Patience: cmp.Or(patience, DefaultPatience),
		Probe: s.probe, Logger: c.Logger(),
	}
	if concurrency == 0 {
		limits.MaxLimit = MaxConcurrency
	}
	s.client, s.governor = c, flow.New(limits)
}

// governed returns a context whose requests the governor delays while OSS throttles or cannot be reached. Requests that
// carry data also need a permit. Probes ask about the key, and have the header.
func (s *service) governed(
	ctx context.Context, bucket, key string, header http.Header, notify func(flow.Wait),
) context.Context {
	s.probing.Store(&oss.Request{Op: "HeadObject", Method: http.MethodHead, Bucket: bucket, Key: key, Header: header})
	return flow.WithGate(ctx, s.governor.Control(notify))
}

// probe sends a small request about an object. It returns nil if OSS answered, with any status.
func (s *service) probe(ctx context.Context) error {
	resp, err := s.client.Do(ctx, s.probing.Load())
	var refused *oss.ServiceError
	if errors.As(err, &refused) && refused.RequestID != "" {
		return nil
	}
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.Header.Get("x-oss-request-id") == "" {
		return errors.New("multipart: reply is not from OSS")
	}
	return nil
}
