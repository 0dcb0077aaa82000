package osstest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// postObject is PostObject, which stores the file of a form. The fields of the form have the values of the headers of a
// PutObject, and the signature.
//
// See https://help.aliyun.com/en/oss/developer-reference/postobject
func (x *exchange) postObject() (*reply, error) {
	if err := x.checkLength(); err != nil {
		return nil, err
	}
	sum, body := newDigest(), io.Reader(x.body)
	if x.r.Header.Get("Content-MD5") != "" { // of the whole form
		body = io.TeeReader(body, sum)
	}
	f, err := x.readForm(body)
	if err != nil {
		return nil, err
	}
	policy, err := x.authenticatePost(f)
	if err != nil {
		return nil, err
	}
	if x.key = f.key(); x.key == "" {
		return nil, invalidArgument("",
			"The bucket POST must contain the specified 'key'. If it is specified, please "+
				"check the order of the fields",
			"key", "")
	}
	x.path = strings.TrimPrefix(strings.TrimSuffix(x.path, "/")+"/"+x.key, "/")
	x.log.setKey(x.entry, x.key)
	if err := checkKey(x.key); err != nil {
		return nil, err
	}
	digest := x.r.Header.Get("Content-MD5")
	x.r.Header = f.header(x.r.Header)
	forbid, c, err := x.checkPost()
	if err != nil {
		return nil, err
	}
	s, err := x.receiveFile(f, policy, func() error {
		if digest == "" {
			return nil
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return x.formError(err)
		}
		return x.checkDigests(sum)
	})
	if err != nil {
		return nil, err
	}
	o := normalObject(x.name(), s, x.newHeader(), x.now())
	if err := x.put(o, forbid); err != nil {
		return nil, err
	}
	rep := x.postReply(f, o)
	if c != nil {
		return x.makeCallback(c, rep)
	}
	return rep, nil
}

// checkPost makes the checks of a PutObject with the headers of the form.
func (x *exchange) checkPost() (forbid bool, c *callback, err error) {
	for _, check := range []func() error{x.checkPayer, x.checkCommon, x.checkNewObject} {
		if err := check(); err != nil {
			return false, nil, err
		}
	}
	if forbid, err = x.forbidOverwrite(); err != nil {
		return false, nil, err
	}
	if forbid && x.objects.Protects(x.name()) {
		return false, nil, alreadyExists(ecExists)
	}
	c, err = x.callback()
	return forbid, c, err
}

// header returns the header of the request with that of the corresponding PutObject added.
func (f *postForm) header(request http.Header) http.Header {
	h := request.Clone()
	h.Del("Content-Type")
	variables := make(map[string]string)
	for name, value := range f.fields {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case strings.HasPrefix(name, "x:"):
			variables[name] = value
		case name == "callback":
			h.Set("x-oss-callback", value)
		case strings.HasPrefix(name, "x-oss-") && !strings.HasPrefix(name, "x-oss-signature"), isMetadata(canonical):
			h[canonical] = []string{value}
		}
	}
	if kind := f.contentType(); kind != "" {
		h.Set("Content-Type", kind)
	}
	if len(variables) > 0 && h.Get("x-oss-callback") != "" {
		text, _ := json.Marshal(variables) // strings can always be marshaled
		h.Set("x-oss-callback-var", base64.StdEncoding.EncodeToString(text))
	}
	return h
}

// receiveFile stores the file of a form. On an error nothing is stored: that includes an incomplete form, an error of
// end, and a size that the policy does not permit.
func (x *exchange) receiveFile(f *postForm, policy *postPolicy, end func() error) (*store.Data, error) {
	least, most := policy.sizes(oss.MaxPartSize)
	to, err := x.objects.NewBody(x.r.ContentLength)
	if err != nil {
		return nil, err
	}
	d := newDigest()
	if err := x.copyFile(io.MultiWriter(to, d), f, most, end); err != nil {
		to.Discard()
		return nil, err
	}
	if d.size < least { // see https://help.aliyun.com/en/oss/user-guide/0006-00000004
		to.Discard()
		return nil, refuse(http.StatusBadRequest, "EntityTooSmall", "0006-00000004",
			"Your proposed upload smaller than the minimum allowed size.",
			"MinSizeAllowed", strconv.FormatInt(least, 10), "ProposedSize", strconv.FormatInt(d.size, 10))
	}
	c, err := to.Keep()
	if err != nil {
		return nil, err
	}
	return d.data(c), nil
}

func (x *exchange) copyFile(to io.Writer, f *postForm, most int64, end func() error) error {
	n, err := io.Copy(to, io.LimitReader(f.file, most+1))
	var broken *store.WriteError
	switch {
	case errors.As(err, &broken):
		return err
	case err != nil:
		return x.formError(err)
	case n > most:
		return refuse(http.StatusBadRequest, "EntityTooLarge", "0006-00000004",
			"Your proposed upload exceeds the maximum allowed size.",
			"MaxSizeAllowed", strconv.FormatInt(most, 10), "ProposedSize",
			strconv.FormatInt(max(n, x.r.ContentLength), 10))
	}
	if err := f.end(x); err != nil {
		return err
	}
	return end()
}

// postReply returns the reply to a form.
func (x *exchange) postReply(f *postForm, o *store.Object) *reply {
	location := x.address()
	rep := newReply(http.StatusNoContent)
	switch status := f.get("success_action_status"); {
	case f.get("success_action_redirect") != "":
		if u, err := url.Parse(f.get("success_action_redirect")); err == nil && u.Host != "" &&
			(u.Scheme == "http" || u.Scheme == "https") {
			q := u.Query()
			for name, value := range map[string]string{"bucket": o.Bucket, "key": o.Key, "etag": o.ETag} {
				q.Set(name, value)
			}
			u.RawQuery = q.Encode()
			rep.status, location = http.StatusSeeOther, u.String()
		}
	case status == "200":
		rep.status = http.StatusOK
	case status == "201":
		rep = xmlReply(http.StatusCreated,
			ossxml.Posted{Bucket: o.Bucket, ETag: o.ETag, Location: location, Key: o.Key})
	}
	rep.object = o
	rep.header.Set("ETag", o.ETag)
	rep.header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.CRC64, 10))
	rep.header.Set("Location", location)
	x.setVersion(rep.header, o)
	setEncryption(rep.header, o.Header)
	return rep
}

// address returns the URL of the object, addressed as in the request.
func (x *exchange) address() string {
	return x.scheme() + x.r.Host + "/" + escape(x.path, "/")
}

// setKey sets the key of a request, which for a form is known only after reading it.
func (l *requestLog) setKey(e *Request, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Key = key
}
