package osstest

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// appendable is the x-oss-object-type of an object that AppendObject made.
const appendable = "Appendable"

// appendObject is AppendObject. The first one creates the object with its metadata; later ones must begin at its end.
//
// See https://help.aliyun.com/en/oss/developer-reference/appendobject
func (x *exchange) appendObject() (*reply, error) {
	position, err := x.position()
	if err != nil {
		return nil, err
	}
	if position > 0 {
		x.r.Header.Del("x-oss-tagging")
	}
	if err := x.checkNewObject(); err != nil {
		return nil, err
	}
	old, exists := x.objects.Current(x.name())
	if !exists {
		old = nil
	}
	if err := checkAppend(old, position); err != nil {
		return nil, err // before the body is read, and again afterwards
	}
	s, err := x.receive(newDigest())
	if err != nil {
		return nil, err
	}
	defer s.Content.Release()
	header := x.newHeader()
	var o *store.Object
	err = x.objects.Change(x.name(), "", func(old *store.Object) (*store.Object, error) {
		if old != nil && old.DeleteMarker {
			old = nil // the new object is a version after the delete marker
		}
		if err := checkAppend(old, position); err != nil {
			return nil, err // another append was faster
		}
		o = x.grown(old, s, header)
		if o.Size > oss.MaxPartSize {
			return nil, entityTooLarge(o.Size)
		}
		o.Content.Retain()
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.CRC64, 10))
	setPosition(rep.header, o)
	x.setVersion(rep.header, o)
	setEncryption(rep.header, o.Header)
	return rep, nil
}

// position returns the parameter position.
func (x *exchange) position() (int64, error) {
	value := x.query.Get("position")
	if !x.query.Has("append") || value == "" {
		return 0, invalidArgument("0016-00000501", "The append and position parameters must be specified together.",
			"position", value)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, invalidArgument("0016-00000502", "The position must be a non-negative integer.", "position", value)
	}
	return n, nil
}

// checkAppend checks that bytes can be appended to o at position. o is nil if there is no object.
func checkAppend(o *store.Object, position int64) error {
	var size int64
	if o != nil {
		if o.Type != appendable {
			return refuse(http.StatusConflict, "ObjectNotAppendable", "0026-00000017", "The object is not appendable")
		}
		size = o.Size
	}
	if position == size {
		return nil
	}
	refused := refuse(http.StatusConflict, "PositionNotEqualToLength", "0026-00000016",
		"Position is not equal to file length")
	refused.header = http.Header{"X-Oss-Next-Append-Position": {strconv.FormatInt(size, 10)}}
	return refused
}

// grown returns old with s appended, or a new object with that header if old is nil.
func (x *exchange) grown(old *store.Object, s *store.Data, header http.Header) *store.Object {
	o := normalObject(x.name(), s, header, x.now())
	if old != nil {
		v := *old
		v.Content = append(v.Content[:len(v.Content):len(v.Content)], s.Content...)
		v.Size, v.CRC64, v.Modified = old.Size+s.Size, crc64.Combine(old.CRC64, s.CRC64, s.Size), o.Modified
		o = &v
	}
	o.Type, o.MD5, o.Parts = appendable, nil, nil
	o.ETag = quote(fmt.Sprintf("%016X%016X", x.objects.IDs.Next(), uint64(o.Size))) // opaque and unique
	return o
}

// setPosition sets the header with the position of the next append.
func setPosition(h http.Header, o *store.Object) {
	if o.Type == appendable {
		h.Set("x-oss-next-append-position", strconv.FormatInt(o.Size, 10))
	}
}
