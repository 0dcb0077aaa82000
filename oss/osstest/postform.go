package osstest

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// Limits of a form.
//
// See https://help.aliyun.com/en/oss/developer-reference/postobject
const (
	maxFieldName  = 8 << 10 // bytes
	maxFieldValue = 2 << 20 // bytes
	maxFields     = 8 << 20 // bytes of all fields before the file
)

// A postForm is the body of a PostObject: fields, followed by the file.
type postForm struct {
	fields map[string]string // by name in lower case; the last of a name counts
	reader *multipart.Reader
	file   *multipart.Part
}

// readForm reads the fields of a form.
func (x *exchange) readForm(body io.Reader) (*postForm, error) {
	kind, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, refuse(http.StatusBadRequest, "RequestIsNotMultiPartContent", "",
			"Bucket POST must be of the enclosure-type multipart/form-data.")
	}
	f := &postForm{fields: make(map[string]string), reader: multipart.NewReader(body, params["boundary"])}
	for total := 0; ; {
		part, err := f.reader.NextRawPart()
		if err == io.EOF { // all fields, and no file
			return nil, malformedPost()
		}
		if err != nil {
			return nil, x.formError(err)
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.file = part
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFieldValue+1))
		if err != nil {
			return nil, x.formError(err)
		}
		if len(name) > maxFieldName || len(value) > maxFieldValue {
			return nil, refuse(http.StatusBadRequest, "FieldItemTooLong", "", "Your name of form field is too long.")
		}
		if total += len(name) + len(value); total > maxFields {
			return nil, refuse(http.StatusBadRequest, "MaxPOSTPreDataLengthExceededError", "",
				"Your POST request fields preceding the upload file were too large.")
		}
		f.fields[name] = string(value)
	}
}

// end reads the rest of the form after the file, and checks that the form is complete.
func (f *postForm) end(x *exchange) error {
	for {
		part, err := f.reader.NextRawPart()
		if err == nil {
			_, err = io.Copy(io.Discard, part)
		} else if err == io.EOF {
			return nil
		}
		if err != nil {
			return x.formError(err)
		}
	}
}

// formError returns the error for a form that cannot be read: that of an effect, or a refusal of the form.
func (x *exchange) formError(err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused), errors.Is(err, errCut):
		return err
	case x.closing.Err() != nil:
		return errCut
	}
	return malformedPost()
}

// See https://help.aliyun.com/en/oss/user-guide/0006-00000104
func malformedPost() *refusal {
	return refuse(http.StatusBadRequest, "MalformedPOSTRequest", "0006-00000104",
		"The body of your POST request is not well-formed multipart/form-data.")
}

// get returns the value of a field, "" if there is none.
func (f *postForm) get(name string) string { return f.fields[strings.ToLower(name)] }

// has reports whether there is a field. It may be empty.
func (f *postForm) has(name string) bool {
	_, ok := f.fields[strings.ToLower(name)]
	return ok
}

// contentType returns the content type of the object: x-oss-content-type if it is set, then that of the file.
func (f *postForm) contentType() string {
	return cmp.Or(f.get("x-oss-content-type"), f.file.Header.Get("Content-Type"), f.get("Content-Type"))
}

// key returns the key, with ${filename} replaced by the name of the file.
func (f *postForm) key() string {
	return strings.ReplaceAll(f.get("key"), "${filename}", f.file.FileName())
}
