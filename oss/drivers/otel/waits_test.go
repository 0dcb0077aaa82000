package ossotel_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	ossotel "github.com/ossmultipart/go-oss/oss/drivers/otel"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestWaitsAreEventsAndAGauge(t *testing.T) {
	inBubble(t, func(t *testing.T, o *observed) {
		o.srv.Inject(osstest.Fault{After: 5 * time.Second, For: 20 * time.Second, Effect: osstest.Drop()})
		o.srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		most := 0.0
		stop := make(chan struct{})
		polled := make(chan struct{})
		go func() {
			defer close(polled)
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-tick.C:
					most = max(most, o.sum("oss_transfer_waiting"))
				case <-stop:
					return
				}
			}
		}()
		time.Sleep(time.Millisecond)
		o.uploader(one).Upload(t.Context(), bucket, "first", bytes.NewReader(data(1950)), nil)
		close(stop)
		<-polled
		var events []string
		for _, span := range o.spans.Ended() {
			for _, e := range span.Events() {
				events = append(events, e.Name)
			}
		}
		if n := len(events); n < 2 || n%2 != 0 || events[0] != "waiting" || events[n-1] != "continuing" {
			t.Errorf("events %q", events)
		}
		if left := o.sum("oss_transfer_waiting"); most != 1 || left != 0 {
			t.Errorf("oss_transfer_waiting was at most %v, and is %v at the end", most, left)
		}
		if w := o.sum("oss_transfer_waited_seconds_total"); w < 15 || w > 60 {
			t.Errorf("waited %v s", w)
		}
		if n := o.sum("oss_transfer_active"); n != 0 {
			t.Errorf("%v transfers are active at the end", n)
		}
	})
}

// A transfer that fails while it waits no longer counts as waiting.
func TestATransferThatFailsWhileItWaitsNoLongerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, ossotel.Options{}, nil)
		o.srv.PutObject(bucket, key, data(950))
		if _, err := o.client.HeadObject(t.Context(), bucket, key, nil); err != nil {
			t.Fatal(err)
		}
		o.srv.Inject(osstest.Fault{Effect: osstest.Drop()})
		_, err := o.downloader(multipart.DownloadOptions{Patience: 30 * time.Second}).
			Download(t.Context(), bucket, key, make(bytesAt, 950), nil)
		if waiting := o.sum("oss_transfer_waiting"); err == nil || waiting != 0 {
			t.Errorf("%v, %v transfers wait", err, waiting)
		}
		if w := o.sum("oss_transfer_waited_seconds_total", "oss_transfer_direction", "download"); w < 25 {
			t.Errorf("waited %v s", w)
		}
		o.checkSpans()
	})
}
