package interop

import (
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
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
	client       client
	up           *sync.RWMutex // see soakDaemon
	prefix       string
	random       *rand.Rand
	acknowledged map[string]int // requests by action
	lost         []string       // what a read found that cannot be

	// possible are the contents that an object may have: that of the last request that was acknowledged, and those of
	// later requests without a reply.
	possible map[string][]content
}

func newSoakClient(client client, up *sync.RWMutex, prefix string, random *rand.Rand) *soakClient {
	c := &soakClient{
		client: client, up: up, prefix: prefix, random: random,
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
func (c *soakClient) act() {
	action := soakActions[c.random.IntN(len(soakActions))]
	key, log := c.object(c.random.IntN(soakKeys)), c.log(c.random.IntN(soakKeys))
	var err error
	switch action {
	case "put":
		data := c.data(1, soakObject)
		err = c.client.put(key, data, extras{})
		c.replaced(key, content{}.plus(data), err)
	case "upload":
		err = c.upload(key)
	case "copy":
		from := c.object(c.random.IntN(soakKeys))
		all := c.possible[from]
		if len(all) > 1 || all[0] == (content{}) || from == key {
			return
		}
		err = c.client.copy(from, key)
		c.replaced(key, all[0], err)
	case "append":
		if len(c.possible[log]) > 1 { // the position is unknown
			err = c.read(log)
			break
		}
		old, data := c.possible[log][0], c.data(1, soakObject/8)
		if old.size > soakObject {
			err = c.remove(log)
			break
		}
		err = c.append(log, old.size, data)
		c.replaced(log, old.plus(data), err)
	case "read":
		if err = c.read(key); err == nil {
			err = c.read(log)
		}
	case "delete":
		err = c.remove(key)
	case "abort":
		err = c.abortAll()
	}
	if err == nil {
		c.acknowledged[action]++
		return
	}
	c.awaitRestart()
}

// awaitRestart returns when ossd, if it was killed, listens again.
func (c *soakClient) awaitRestart() {
	c.up.RLock()
	defer c.up.RUnlock()
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
func (c *soakClient) upload(key string) error {
	id, err := c.client.initiate(key, extras{})
	if err != nil {
		return err
	}
	var whole content
	var parts []part
	for number := 1; number <= 2; number++ {
		data := c.data(partSize, soakPart)
		etag, err := c.client.part(key, id, number, data, extras{})
		if err != nil {
			return err
		}
		parts, whole = append(parts, part{Number: number, ETag: etag}), whole.plus(data)
	}
	err = c.client.complete(key, id, parts, extras{})
	c.replaced(key, whole, err)
	return err
}

func (c *soakClient) append(key string, position int64, data []byte) error {
	_, err := c.client.append(key, position, data)
	return err
}

func (c *soakClient) remove(key string) error {
	err := c.client.remove(key)
	c.replaced(key, content{}, err)
	return err
}

// abortAll aborts the uploads that earlier requests left unfinished.
func (c *soakClient) abortAll() error {
	uploads, err := c.client.uploads(c.prefix, 1000)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		if err := c.client.abort(u.Key, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// read reads key and compares it with the possible contents, of which only one remains.
func (c *soakClient) read(key string) error {
	var got content
	data, err := c.client.get(key)
	if err == nil {
		got = got.plus(data)
	} else if r, ok := c.client.refusal(err); !ok || r.Code != "NoSuchKey" {
		return err
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
		if err := c.read(key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		live += c.possible[key][0].size
	}
	for _, lost := range c.lost {
		t.Error(lost)
	}
	return live
}
