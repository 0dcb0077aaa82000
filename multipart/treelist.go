package multipart

import (
	"context"
	"unicode/utf8"

	"github.com/ossmultipart/go-oss/oss"
)

// A treeListing finds objects of a prefix by their keys, which must be asked for in ascending order. It holds one page
// of the listing. It requests pages as they are needed, and skips those that lie between two keys that are asked for.
type treeListing struct {
	client *oss.Client
	bucket string
	prefix string

	page  []oss.ObjectEntry // objects that no key has passed yet
	last  string            // the key up to which objects have been listed
	next  string            // token of the next page
	began bool
}

// find returns the object of a key, or nil if there is none.
func (l *treeListing) find(ctx context.Context, key string) (*oss.ObjectEntry, error) {
	for {
		for len(l.page) > 0 && l.page[0].Key < key {
			l.page = l.page[1:]
		}
		if len(l.page) > 0 {
			if e := l.page[0]; e.Key == key {
				return &e, nil
			}
			return nil, nil
		}
		if l.began && l.next == "" {
			return nil, nil
		}
		if err := l.fetch(ctx, key); err != nil {
			return nil, err
		}
	}
}

// fetch requests the next page that can have the key.
func (l *treeListing) fetch(ctx context.Context, key string) error {
	o := oss.ListObjectsOptions{Prefix: l.prefix, After: l.last, Token: l.next}
	_, n := utf8.DecodeLastRuneInString(key)
	if before := key[:len(key)-n]; before > l.last {
		o.After, o.Token = before, ""
	}
	page, err := l.client.ListObjects(ctx, l.bucket, &o)
	if err != nil {
		return err
	}
	l.page, l.next, l.last, l.began = page.Entries, page.Next, o.After, true
	if n := len(page.Entries); n > 0 {
		l.last = page.Entries[n-1].Key
	}
	return nil
}
