package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
)

// floor is net/http and nothing else: no checksum, no signature, no second try.
type floor struct {
	http *http.Client
	job  job
}

func newFloor(j job) (client, error) {
	j.Part, j.Workers = cmp.Or(j.Part, 8<<20), cmp.Or(j.Workers, 4) // as ours
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = j.Workers // the default of 2 would make a connection for most requests
	return floor{&http.Client{Transport: transport}, j}, nil
}

// send returns the content of the reply.
func (c floor) send(ctx context.Context, method, key string, q url.Values, body io.Reader, size int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.job.URL+"/"+bucket+"/"+key+"?"+q.Encode(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return text, err
}

// A floorPart is one of those that CompleteMultipartUpload lists.
type floorPart struct {
	PartNumber int
	ETag       string
}

// upload is begun and completed around parts, which is given the ID and returns how many it has sent.
func (c floor) upload(ctx context.Context, key string, parts func(id string) (int, error)) error {
	text, err := c.send(ctx, http.MethodPost, key, url.Values{"uploads": {""}}, nil, 0)
	if err != nil {
		return err
	}
	var begun struct{ UploadId string }
	if err := xml.Unmarshal(text, &begun); err != nil {
		return err
	}
	n, err := parts(begun.UploadId)
	if err != nil {
		return err
	}
	var list struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []floorPart
	}
	for i := range n {
		list.Part = append(list.Part, floorPart{i + 1, "any"})
	}
	if text, err = xml.Marshal(list); err != nil {
		return err
	}
	_, err = c.send(ctx, http.MethodPost, key, url.Values{"uploadId": {begun.UploadId}},
		bytes.NewReader(text), int64(len(text)))
	return err
}

func (c floor) part(ctx context.Context, key, id string, number int64, body io.Reader, size int64) error {
	_, err := c.send(ctx, http.MethodPut, key,
		url.Values{"partNumber": {strconv.FormatInt(number, 10)}, "uploadId": {id}}, body, size)
	return err
}

func (c floor) file(ctx context.Context, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return c.upload(ctx, key, func(id string) (int, error) {
		n := (info.Size() + c.job.Part - 1) / c.job.Part
		return int(n), each(n, c.job.Workers, func(i int64) error {
			size := min(c.job.Part, info.Size()-i*c.job.Part)
			return c.part(ctx, key, id, i+1, io.NewSectionReader(f, i*c.job.Part, size), size)
		})
	})
}

// stream reads into one buffer a worker: a worker that has sent its part reads the next.
func (c floor) stream(ctx context.Context, key string, r io.Reader) error {
	return c.upload(ctx, key, func(id string) (int, error) {
		var mu sync.Mutex
		var number int64
		var ended bool
		err := each(int64(c.job.Workers), c.job.Workers, func(int64) error {
			for buf := make([]byte, c.job.Part); ; {
				mu.Lock()
				if ended {
					mu.Unlock()
					return nil
				}
				n, err := io.ReadFull(r, buf)
				ended = err != nil
				if n > 0 {
					number++
				}
				mine := number
				mu.Unlock()
				if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
					return err
				}
				if n == 0 {
					return nil
				}
				if err := c.part(ctx, key, id, mine, bytes.NewReader(buf[:n]), int64(n)); err != nil {
					return err
				}
			}
		})
		return int(number), err
	})
}

func (c floor) put(ctx context.Context, key string, body *io.SectionReader) error {
	_, err := c.send(ctx, http.MethodPut, key, nil, body, body.Size())
	return err
}
