package osstest

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// appendable is the type of an object that grows.
const appendable = "Appendable"

// appendObject is AppendObject. The first makes the object, and alone decides what it is like; the
// others must begin where it ends.
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
	old, exists := x.objects.current(x.name())
	if !exists {
		old = nil
	}
	if err := checkAppend(old, position); err != nil {
		return nil, err // before the body is read, and again when it has arrived
	}
	s, err := x.receive(newDigest())
	if err != nil {
		return nil, err
	}
	defer s.content.release()
	header := x.newHeader()
	var o *object
	err = x.objects.change(x.name(), "", func(old *object) (*object, error) {
		if old != nil && old.marker {
			old = nil // the new object comes on top of the marker
		}
		if err := checkAppend(old, position); err != nil {
			return nil, err // another append came first
		}
		o = x.grown(old, s, header)
		if o.size > oss.MaxPartSize {
			return nil, entityTooLarge(o.size)
		}
		o.content.retain()
		return o, nil
	})
	if err != nil {
		return nil, err
	}
	rep := newReply(http.StatusOK)
	rep.header.Set("ETag", o.etag)
	rep.header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.crc, 10))
	setPosition(rep.header, o)
	x.setVersion(rep.header, o)
	setEncryption(rep.header, o.header)
	return rep, nil
}

// position reads the parameter of that name.
func (x *exchange) position() (int64, error) {
	value := x.query.Get("position")
	if !x.query.Has("append") || value == "" {
		return 0, invalidArgument("0016-00000501", "The append and position parameters must be specified together.", "position", value)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, invalidArgument("0016-00000502", "The position must be a non-negative integer.", "position", value)
	}
	return n, nil
}

// checkAppend makes sure that something can be appended to an object, nil if there is none, at a position.
func checkAppend(o *object, position int64) error {
	var size int64
	if o != nil {
		if o.kind != appendable {
			return refuse(http.StatusConflict, "ObjectNotAppendable", "0026-00000017", "The object is not appendable")
		}
		size = o.size
	}
	if position == size {
		return nil
	}
	refused := refuse(http.StatusConflict, "PositionNotEqualToLength", "0026-00000016", "Position is not equal to file length")
	refused.header = http.Header{"X-Oss-Next-Append-Position": {strconv.FormatInt(size, 10)}}
	return refused
}

// grown returns the object that old becomes with s behind it, or that s begins with a header.
func (x *exchange) grown(old *object, s *stored, header http.Header) *object {
	o := normalObject(x.name(), s, header, x.now())
	if old != nil {
		v := *old
		v.content = append(v.content[:len(v.content):len(v.content)], s.content...)
		v.size, v.crc, v.modified = old.size+s.size, crc64.Combine(old.crc, s.crc, s.size), o.modified
		o = &v
	}
	o.kind, o.md5, o.parts = appendable, nil, nil
	o.etag = quote(fmt.Sprintf("%016X%016X", x.ids.next(), uint64(o.size))) // opaque, and another each time
	return o
}

// setPosition says where the next append must begin.
func setPosition(h http.Header, o *object) {
	if o.kind == appendable {
		h.Set("x-oss-next-append-position", strconv.FormatInt(o.size, 10))
	}
}
