package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// An entry is the log entry of one request.
type entry struct {
	Time      time.Time `json:"time"` // when it ended
	Op        string    `json:"op,omitempty"`
	Method    string    `json:"method"`
	Bucket    string    `json:"bucket,omitempty"`
	Key       string    `json:"key,omitempty"`
	Part      int64     `json:"part,omitempty"`
	In        int64     `json:"in,omitempty"`     // bytes of the request body
	Out       int64     `json:"out,omitempty"`    // bytes of the reply body
	Status    int64     `json:"status,omitempty"` // 0 if no reply was sent
	Cut       bool      `json:"cut,omitempty"`    // the connection was closed before the end of the reply
	Code      string    `json:"code,omitempty"`
	Millis    float64   `json:"ms"`
	Fault     string    `json:"fault,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
}

// entry returns the log entry of a request that has ended.
func (v *visit) entry(now time.Time) entry {
	return entry{
		Time: now, Op: v.text("op"), Method: v.method, Bucket: v.text("bucket"),
		Key: v.text("key"), Part: v.number("part"),
		In: v.number("size"), Out: v.out, Status: v.number("status"), Cut: v.number("status") == 0 || !v.whole,
		Code:   v.text("code"),
		Millis: float64(now.Sub(v.began).Microseconds()) / 1000, Fault: v.text("fault"),
		RequestID: v.text("request_id"),
	}
}

// Name returns the operation, or the method of an unknown operation.
func (e entry) Name() string { return cmp.Or(e.Op, e.Method) }

// Resource returns the object or the bucket, escaped for printing.
func (e entry) Resource() string { return printable(e.Bucket + "/" + e.Key) }

// Outcome returns how the request ended: "200", "404 NoSuchKey", "cut".
func (e entry) Outcome() string {
	var words []string
	if e.Status > 0 {
		words = append(words, fmt.Sprint(e.Status))
	}
	if e.Cut {
		words = append(words, "cut")
	}
	if e.Code != "" {
		words = append(words, e.Code)
	}
	return strings.Join(words, " ")
}

// String returns the entry as a line of text.
func (e entry) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "%s %-23s %s", e.Time.Format("15:04:05.000"), e.Name(), e.Resource())
	for _, n := range []struct {
		form  string
		value int64
	}{{" part=%d", e.Part}, {" in=%d", e.In}, {" out=%d", e.Out}} {
		if n.value > 0 {
			fmt.Fprintf(&line, n.form, n.value)
		}
	}
	fmt.Fprintf(&line, " %s %.1fms", e.Outcome(), e.Millis)
	if e.Fault != "" {
		line.WriteString(" fault " + e.Fault)
	}
	return line.String()
}

// JSON returns the entry as a line of JSON.
func (e entry) JSON() string {
	text, err := json.Marshal(e)
	if err != nil { // only for a year that JSON cannot represent
		return fmt.Sprintf("{\"msg\":%q}", err)
	}
	return string(text)
}

// recentSize is the number of requests that the status page shows.
const recentSize = 50

// A recent holds the newest entries.
type recent struct {
	mu   sync.Mutex
	ring [recentSize]entry
	n    int // number of entries ever added
}

func (r *recent) add(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.n%recentSize] = e
	r.n++
}

// newestFirst returns the entries, the newest first.
func (r *recent) newestFirst() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []entry
	for i := r.n - 1; i >= max(0, r.n-recentSize); i-- {
		all = append(all, r.ring[i%recentSize])
	}
	return all
}
