package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A content identifies the bytes of an object. The zero value means that there is no object.
type content struct {
	size int64
	crc  uint64
}

var soakTable = crc64.MakeTable(crc64.ECMA)

func (c content) plus(data []byte) content {
	return content{c.size + int64(len(data)), crc64.Update(c.crc, soakTable, data)}
}

// A soakClient writes to keys of its own, one request after the other.
type soakClient struct {
	client       *oss.Client
	prefix       string
	random       *rand.Rand
	acknowledged map[string]int // requests by action
	lost         []string       // what a read found that cannot be

	// possible are the contents that an object may have: that of the last request that was acknowledged, and those of
	// later requests without a reply.
	possible map[string][]content
}

func newSoakClient(client *oss.Client, prefix string, random *rand.Rand) *soakClient {
	c := &soakClient{
		client: client, prefix: prefix, random: random,
		acknowledged: make(map[string]int), possible: make(map[string][]content),
	}
	for i := range soakKeys {
		c.possible[c.object(i)], c.possible[c.log(i)] = []content{{}}, []content{{}}
	}
	return c
}

func (c *soakClient) object(i int) string { return fmt.Sprintf("%sobject-%d", c.prefix, i) }
func (c *soakClient) log(i int) string    { return fmt.Sprintf("%slog-%d", c.prefix, i) }

// data returns between least and most random bytes.
func (c *soakClient) data(least, most int) []byte {
	data := make([]byte, least+c.random.IntN(most-least+1))
	for i := 0; i < len(data); i += 8 {
		n := c.random.Uint64()
		for j := i; j < min(i+8, len(data)); j++ {
			data[j] = byte(n >> (8 * (j - i)))
		}
	}
	return data
}

// act makes one random request, or those of one upload.
func (c *soakClient) act(ctx context.Context) {
	action := soakActions[c.random.IntN(len(soakActions))]
	key, log := c.object(c.random.IntN(soakKeys)), c.log(c.random.IntN(soakKeys))
	var err error
	switch action {
	case "put":
		data := c.data(1, soakObject)
		_, err = c.client.PutObject(ctx, soakBucket, key, bytes.NewReader(data), nil)
		c.replaced(key, content{}.plus(data), err)
	case "upload":
		err = c.upload(ctx, key)
	case "copy":
		from := c.object(c.random.IntN(soakKeys))
		all := c.possible[from]
		if len(all) > 1 || all[0] == (content{}) || from == key {
			return
		}
		_, err = c.client.CopyObject(ctx, soakBucket, key, oss.CopySource{Bucket: soakBucket, Key: from}, nil)
		c.replaced(key, all[0], err)
	case "append":
		if len(c.possible[log]) > 1 { // the position is unknown
			err = c.read(ctx, log)
			break
		}
		old, data := c.possible[log][0], c.data(1, soakObject/8)
		if old.size > soakObject {
			err = c.remove(ctx, log)
			break
		}
		err = c.append(ctx, log, old.size, data)
		c.replaced(log, old.plus(data), err)
	case "read":
		if err = c.read(ctx, key); err == nil {
			err = c.read(ctx, log)
		}
	case "delete":
		err = c.remove(ctx, key)
	case "abort":
		err = c.abortAll(ctx)
	}
	if err == nil {
		c.acknowledged[action]++
		return
	}
	time.Sleep(10 * time.Millisecond) // ossd is a process that starts: nothing tells when it answers
}

// replaced notes that the content of key was replaced, or with an error that it may have been.
func (c *soakClient) replaced(key string, now content, err error) {
	if err == nil {
		c.possible[key] = []content{now}
	} else {
		c.possible[key] = append(c.possible[key], now)
	}
}

// upload replaces key by an object of two parts.
func (c *soakClient) upload(ctx context.Context, key string) error {
	up, err := c.client.InitiateMultipartUpload(ctx, soakBucket, key, nil)
	if err != nil {
		return err
	}
	var whole content
	var parts []oss.Part
	for number := 1; number <= 2; number++ {
		data := c.data(int(oss.MinPartSize), soakPart)
		part, err := c.client.UploadPart(ctx, up, number, bytes.NewReader(data), nil)
		if err != nil {
			return err
		}
		parts, whole = append(parts, part), whole.plus(data)
	}
	_, err = c.client.CompleteMultipartUpload(ctx, up, parts, nil)
	c.replaced(key, whole, err)
	return err
}

func (c *soakClient) append(ctx context.Context, key string, position int64, data []byte) error {
	resp, err := c.client.Do(ctx, &oss.Request{
		Op: "AppendObject", Method: "POST", Bucket: soakBucket, Key: key,
		Query: url.Values{"append": {""}, "position": {strconv.FormatInt(position, 10)}}, Body: bytes.NewReader(data),
	})
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func (c *soakClient) remove(ctx context.Context, key string) error {
	err := c.client.DeleteObject(ctx, soakBucket, key, nil)
	c.replaced(key, content{}, err)
	return err
}

// abortAll aborts the uploads that earlier requests left unfinished.
func (c *soakClient) abortAll(ctx context.Context) error {
	for up, err := range c.client.Uploads(ctx, soakBucket, &oss.ListUploadsOptions{Prefix: c.prefix}) {
		if err != nil {
			return err
		}
		if err := c.client.AbortMultipartUpload(ctx, up.Upload); err != nil {
			return err
		}
	}
	return nil
}

// read reads key and compares it with the possible contents, of which only one remains.
func (c *soakClient) read(ctx context.Context, key string) error {
	var got content
	obj, err := c.client.GetObject(ctx, soakBucket, key, nil)
	switch {
	case errors.Is(err, oss.ErrNoSuchKey):
	case err != nil:
		return err
	default:
		defer obj.Body.Close()
		data, err := io.ReadAll(obj.Body)
		if err != nil {
			return err
		}
		got = got.plus(data)
	}
	if !slices.Contains(c.possible[key], got) {
		c.lost = append(c.lost, fmt.Sprintf("%s is %+v, want one of %+v", key, got, c.possible[key]))
	}
	c.possible[key] = []content{got}
	return nil
}

// verify reads all objects and returns their bytes.
func (c *soakClient) verify(t *testing.T) (live int64) {
	t.Helper()
	for key := range c.possible {
		if err := c.read(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		live += c.possible[key][0].size
	}
	for _, lost := range c.lost {
		t.Error(lost)
	}
	return live
}
