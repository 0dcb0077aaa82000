package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/ctxcause"
)

// AppendOptions are the options of AppendObject. The zero value and nil are the defaults.
type AppendOptions struct {
	Object       *ObjectOptions // of an object that the append at position 0 creates; otherwise nil
	CRC64        *uint64        // of the object so far, from the last AppendResult; nil if unknown
	Checksum     Checksum       // default ChecksumMD5
	TrafficLimit int64          // bits per second, from 819,200 to 838,860,800; 0 means no limit
	Header       http.Header    // further headers
}

// An AppendResult describes an object after an append.
type AppendResult struct {
	NextPosition         int64  // where the next append begins, in bytes
	CRC64                uint64 // ECMA, of the object up to NextPosition; 0 if it is not known
	ETag                 string // opaque; another one after each append
	VersionID, RequestID string
	Header               http.Header // the full reply
}

// AppendObject adds body, of at most 5 GiB, to the end of the object key, which must have position bytes. At position 0
// it creates the object. If the object has another size, the error is ErrPosition. If AppendObject did not create the
// object, the error is ErrNotAppendable.
//
// No bytes are appended twice: OSS takes them at one position only. If a reply is lost, AppendObject finds out whether
// the bytes are there, from the size and the CRC-64 of the object or by reading the bytes at position back. It sends
// them again only if the object still ends at position. The CRC-64 of the reply is compared if position is 0 or
// AppendOptions.CRC64 is set. A difference is a *ChecksumError.
//
// See https://help.aliyun.com/en/oss/developer-reference/appendobject
func (c *Client) AppendObject(
	ctx context.Context, bucket, key string, position int64, body Body, opts *AppendOptions,
) (*AppendResult, error) {
	a, err := c.newAppend(ctx, bucket, key, position, body, opts)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		result, err := a.send(ctx)
		if err == nil || !a.mayBeDone(err) || ctx.Err() != nil {
			return result, err
		}
		done, again, lookErr := a.look(ctx)
		switch {
		case lookErr != nil:
			return nil, fmt.Errorf("%w; whether the bytes are there is not known: %v", err, lookErr)
		case done != nil:
			return done, nil
		case !again || n >= c.retry.Attempts || !c.budget.Take():
			return nil, err
		}
		c.log.LogAttrs(ctx, slog.LevelWarn, "oss: append is sent again", slog.String("bucket", bucket),
			slog.String("key", key), slog.Int64("position", position), slog.Any("error", err))
		timer := time.NewTimer(c.retry.backoff(n))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("oss: AppendObject %s: %w, after: %v", resource(bucket, key),
				ctxcause.Join(ctx, ctx.Err()), err)
		}
	}
}

// An appending is one call of AppendObject.
type appending struct {
	client   *Client
	request  *Request
	options  sendOptions
	position int64
	before   *uint64 // CRC-64 of the object before; nil if it is not known
	crc      uint64  // of the body; set by the first attempt that has sent all of it
	summed   bool
	lost     bool // an attempt may have been done
}

func (c *Client) newAppend(
	ctx context.Context, bucket, key string, position int64, body Body, opts *AppendOptions,
) (*appending, error) {
	var o AppendOptions
	if opts != nil {
		o = *opts
	}
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	switch {
	case position < 0:
		return nil, fmt.Errorf("oss: append position %d is negative", position)
	case isNil(body):
		return nil, fmt.Errorf("oss: body of %s is nil", resource(bucket, key))
	case body.Size() > MaxPartSize-position:
		return nil, fmt.Errorf("oss: object of %d bytes and %d more is larger than %d",
			position, body.Size(), MaxPartSize)
	case position > 0 && o.Object != nil:
		return nil, errors.New("oss: AppendOptions.Object is for position 0, where the object is created")
	case position == 0 && o.CRC64 != nil && *o.CRC64 != 0:
		return nil, errors.New("oss: AppendOptions.CRC64 of no bytes is 0")
	}
	if err := o.Checksum.check(); err != nil {
		return nil, err
	}
	h := fieldsOver(o.Header)
	if position == 0 {
		if o.Object != nil && o.Object.ForbidOverwrite {
			return nil,
				errors.New("oss: ObjectOptions.ForbidOverwrite is not for AppendObject, which overwrites nothing")
		}
		if err := o.Object.checkNoBody("AppendObject"); err != nil {
			return nil, fmt.Errorf("%w here: set AppendOptions.Checksum", err)
		}
		object, err := o.Object.header(key)
		if err != nil {
			return nil, err
		}
		h.merge("AppendOptions.Object", object)
	}
	if err := h.setTrafficLimit(o.TrafficLimit); err != nil {
		return nil, err
	}
	if h.err != nil {
		return nil, h.err
	}
	a := &appending{client: c, position: position, before: o.CRC64, request: &Request{
		Op: "AppendObject", Method: http.MethodPost, Bucket: bucket, Key: key, Header: h.Header, Body: body,
		Query: query("append", "", "position", strconv.FormatInt(position, 10)),
	}}
	if position == 0 {
		a.before = new(uint64)
	}
	a.options = sendOptions{computeCRC: true, check: a.check}
	if a.before != nil {
		a.options.initialCRC = *a.before
	}
	if o.Checksum == ChecksumMD5 {
		if err := c.checkRequest(a.request); err != nil {
			return nil, err
		}
		sum, err := contentMD5(ctx, body)
		if err != nil {
			return nil, fmt.Errorf("oss: AppendObject %s: %w", resource(bucket, key), err)
		}
		a.options.md5 = sum
	}
	if o.Checksum == ChecksumNone {
		a.options.computeCRC = false
	}
	return a, nil
}

// check compares the CRC-64 that OSS reports of the object. OSS has appended the bytes, so a difference is final.
func (a *appending) check(op Operation, resp *http.Response, sent *requestBody) error {
	if err := requireOSS(op, resp, sent); err != nil {
		return err
	}
	_, local, _ := sent.detach()
	remote, told := headerCRC(resp.Header)
	if a.before != nil && a.options.computeCRC && told && remote != local {
		return &permanentError{&ChecksumError{Op: op.Name, Bucket: op.Bucket, Key: op.Key,
			Local: local, Remote: remote}}
	}
	next, err := strconv.ParseInt(resp.Header.Get("x-oss-next-append-position"), 10, 64)
	if err != nil || next != a.end() {
		return fmt.Errorf("status %d with the next position %.40q, want %d",
			resp.StatusCode, resp.Header.Get("x-oss-next-append-position"), a.end())
	}
	return nil
}

// end returns where the appended bytes end.
func (a *appending) end() int64 { return a.position + a.request.Body.Size() }

func (a *appending) send(ctx context.Context) (*AppendResult, error) {
	resp, err := a.client.sendAndClose(ctx, a.request, a.options)
	if err != nil {
		return nil, err
	}
	crc, _ := headerCRC(resp.Header)
	return &AppendResult{
		NextPosition: a.end(), CRC64: crc, ETag: resp.Header.Get("ETag"),
		VersionID: resp.Header.Get("x-oss-version-id"),
		RequestID: resp.Header.Get("x-oss-request-id"), Header: resp.Header,
	}, nil
}

// mayBeDone reports whether the bytes may be in the object although sending them failed with err. A refusal for the
// position says so only after an attempt that may have been done.
func (a *appending) mayBeDone(err error) bool {
	var refused *ServiceError
	if errors.As(err, &refused) && !a.request.repeatable(refused) || errors.Is(err, errMayBeDone) {
		a.lost = true
		return true
	}
	return a.lost && errors.Is(err, ErrPosition)
}

// look finds out whether the bytes are in the object, and returns the result of the append if so. Otherwise again says
// that the object ends at the position, so that they can be sent again.
func (a *appending) look(ctx context.Context) (result *AppendResult, again bool, err error) {
	bucket, key := a.request.Bucket, a.request.Key
	info, err := a.client.HeadObject(ctx, bucket, key, nil)
	switch {
	case errors.Is(err, ErrNoSuchKey):
		return nil, a.position == 0, nil
	case err != nil:
		return nil, false, err
	case info.Size < a.end() || info.Header.Get("x-oss-object-type") != string(TypeAppendable):
		return nil, info.Size == a.position, nil
	}
	if err := a.sum(ctx); err != nil {
		return nil, false, err
	}
	result = &AppendResult{
		NextPosition: a.end(), ETag: info.ETag, VersionID: info.VersionID,
		RequestID: info.Header.Get("x-oss-request-id"), Header: info.Header,
	}
	if a.before != nil {
		result.CRC64 = crc64.Combine(*a.before, a.crc, a.request.Body.Size())
		if info.Size == a.end() && info.CRC64 != 0 {
			if info.CRC64 != result.CRC64 {
				return nil, false, nil
			}
			return result, false, nil
		}
	}
	same, err := a.readBack(ctx, info.ETag)
	if !same || err != nil {
		return nil, false, err
	}
	if info.Size == a.end() {
		result.CRC64 = info.CRC64
	}
	return result, false, nil
}

// sum computes the CRC-64 of the body.
func (a *appending) sum(ctx context.Context) error {
	if a.summed {
		return nil
	}
	size := a.request.Body.Size()
	crc, err := readCRC(io.NewSectionReader(&contextReader{ctx, a.request.Body}, 0, size))
	a.crc, a.summed = crc, err == nil
	return err
}

// readBack reports whether the bytes at the position are those of the body.
func (a *appending) readBack(ctx context.Context, etag string) (bool, error) {
	size := a.request.Body.Size()
	if size == 0 {
		return true, nil
	}
	obj, err := a.client.GetObject(ctx, a.request.Bucket, a.request.Key,
		&GetOptions{Offset: a.position, Length: size, IfMatch: etag})
	if err != nil {
		return false, err
	}
	defer obj.Body.Close()
	crc, err := readCRC(obj.Body)
	return crc == a.crc, err
}

func readCRC(r io.Reader) (crc uint64, err error) {
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		crc = crc64.Update(crc, buf[:n])
		if err == io.EOF {
			return crc, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
