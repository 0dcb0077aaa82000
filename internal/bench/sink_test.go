package main

import (
	"crypto/md5"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

// newTestSink expects the ten bytes of source in pieces of four, and returns them.
func newTestSink(t *testing.T, verify bool) (*sink, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := generate(path, 10); err != nil {
		t.Fatal(err)
	}
	s := newSink()
	if err := s.expect(order{Path: path, Size: 10, Part: 4, Verify: verify}); err != nil {
		t.Fatal(err)
	}
	return s, read(t, path)
}

// send returns the status, and the reply.
func (s *sink) send(method, target, body string, header http.Header) (int, *http.Response) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Result()
}

const completeList = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part><Part>" +
	"<PartNumber>2</PartNumber></Part><Part><PartNumber>3</PartNumber></Part></CompleteMultipartUpload>"

func TestSinkAnswersTheTruth(t *testing.T) {
	s, data := newTestSink(t, false)
	if code, _ := s.send("POST", "/b/piece-0?uploads", "", nil); code != 200 {
		t.Fatalf("initiate: status %d", code)
	}
	for i, text := range []string{data[:4], data[4:8], data[8:]} {
		code, resp := s.send("PUT", "/b/piece-0?uploadId=UPLOAD-piece-0-0&partNumber="+strconv.Itoa(i+1), text, nil)
		etag, crc := sum{md5: md5.Sum([]byte(text))}.etag(), strconv.FormatUint(crc64.Checksum([]byte(text)), 10)
		if code != 200 || resp.Header.Get("ETag") != etag || resp.Header.Get("x-oss-hash-crc64ecma") != crc {
			t.Errorf("part %d: status %d, %v, want ETag %s and CRC-64 %s", i+1, code, resp.Header, etag, crc)
		}
	}
	code, resp := s.send("POST", "/b/piece-0?uploadId=UPLOAD-piece-0-0", completeList, nil)
	if crc := strconv.FormatUint(crc64.Checksum([]byte(data)), 10); code != 200 ||
		resp.Header.Get("x-oss-hash-crc64ecma") != crc {
		t.Errorf("complete: status %d, %v, want CRC-64 %s", code, resp.Header, crc)
	}
	if got, want := s.take(), (tally{Objects: 1, Pieces: 3, Bytes: 10}); got != want {
		t.Errorf("tally = %+v, want %+v", got, want)
	}
}

func TestSinkRefusesWhatIsNotTheSource(t *testing.T) {
	_, data := newTestSink(t, false)
	wrong := md5.Sum([]byte("wrong"))
	chunked := http.Header{"Content-Encoding": {"aws-chunked"}}
	tests := []struct {
		name         string
		target, body string
		header       http.Header
		verify       bool
		want         int
	}{
		{"right", "/b/piece-1?x-id=PutObject", data[4:8], nil, true, 200},
		{"right, in chunks", "/b/piece-1",
			"3;chunk-signature=x\r\n" + data[4:7] + "\r\n1\r\n" + data[7:8] + "\r\n0\r\nx-trailer:y\r\n\r\n", chunked,
			true, 200},
		{"chunk without its end", "/b/piece-1", "4\r\n" + data[4:8] + "0\r\n\r\n", chunked, false, 400},
		{"chunk cut off", "/b/piece-1", "4\r\n" + data[4:6], chunked, false, 400},
		{"chunk without a length", "/b/piece-1", "x\r\n", chunked, false, 400},
		{"too short", "/b/piece-1", data[4:7], nil, false, 400},
		{"too long", "/b/piece-1", data[4:9], nil, false, 400},
		{"other bytes", "/b/piece-1", "abcd", nil, true, 400},
		{"wrong Content-MD5", "/b/piece-1", data[4:8],
			http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(wrong[:])}}, false, 400},
		{"no such piece", "/b/piece-3", data[8:], nil, false, 400},
		{"no such upload", "/b/piece-0?uploadId=x&partNumber=1", data[:4], nil, false, 400},
		{"no such key", "/b/other", data[:4], nil, false, 400},
		{"another operation", "/b/piece-1?acl", data[4:8], nil, false, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := newTestSink(t, tt.verify)
			code, resp := s.send("PUT", tt.target, tt.body, tt.header)
			if text, _ := io.ReadAll(resp.Body); code != tt.want {
				t.Errorf("status %d, want %d: %s", code, tt.want, text)
			}
			if got := s.take(); (got.Objects == 1) != (tt.want == 200) {
				t.Errorf("tally = %+v after status %d", got, code)
			}
		})
	}
}

// Clients that choose the size of their parts are told the truth as well: of the CRC-64, and of the MD5 they sent.
func TestSinkTakesPiecesOfAnySize(t *testing.T) {
	s, data := newTestSink(t, false)
	path := filepath.Join(t.TempDir(), "source")
	if err := generate(path, 10); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		parts  []string
		digest string // sent with each
		verify bool
		want   int // status of the last reply
	}{
		{"two", []string{data[:3], data[3:]}, "", false, 200},
		{"two, verified", []string{data[:3], data[3:]}, "", true, 200},
		{"one, with a digest", []string{data}, data, true, 200},
		{"with a wrong digest, verified", []string{data}, "wrong", true, 400},
		{"in the wrong order", []string{data[3:], data[:3]}, "", false, 400},
		{"too few bytes", []string{data[:9]}, "", false, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.expect(order{Path: path, Size: 10, Verify: tt.verify}); err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			sum := md5.Sum([]byte(tt.digest))
			if tt.digest != "" {
				header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
			}
			s.take()
			s.send("POST", "/b/piece-0?uploads", "", nil)
			var list string
			var last int
			for i, text := range tt.parts {
				list += "<Part><PartNumber>" + strconv.Itoa(i+1) + "</PartNumber></Part>"
				var resp *http.Response
				last, resp = s.send("PUT", "/b/piece-0?uploadId=UPLOAD-piece-0-0&partNumber="+strconv.Itoa(i+1), text,
					header)
				crc := strconv.FormatUint(crc64.Checksum([]byte(text)), 10)
				if last == 200 && resp.Header.Get("x-oss-hash-crc64ecma") != crc {
					t.Errorf("part %d: %v, want CRC-64 %s", i+1, resp.Header, crc)
				}
			}
			if last == 200 {
				last, _ = s.send("POST", "/b/piece-0?uploadId=UPLOAD-piece-0-0",
					"<CompleteMultipartUpload>"+list+"</CompleteMultipartUpload>", nil)
			}
			if last != tt.want {
				t.Errorf("status %d, want %d", last, tt.want)
			}
			single, _ := s.send("PUT", "/b/piece-0", strings.Join(tt.parts, ""), header)
			if single != tt.want {
				t.Errorf("as one object: status %d, want %d", single, tt.want)
			}
		})
	}
}

func TestSinkCompletesNothingThatLacksAPart(t *testing.T) {
	s, data := newTestSink(t, false)
	s.send("POST", "/b/piece-0?uploads", "", nil)
	for _, number := range []string{"1", "3"} {
		body := map[string]string{"1": data[:4], "3": data[8:]}[number]
		if code, _ := s.send("PUT", "/b/piece-0?uploadId=UPLOAD-piece-0-0&partNumber="+number, body, nil); code != 200 {
			t.Fatalf("part %s: status %d", number, code)
		}
	}
	if code, _ := s.send("POST", "/b/piece-0?uploadId=UPLOAD-piece-0-0", completeList, nil); code != 400 {
		t.Errorf("complete: status %d, want 400", code)
	}
	if got, want := s.take(), (tally{Pieces: 2, Bytes: 6, Unfinished: 1}); got != want {
		t.Errorf("tally = %+v, want %+v", got, want)
	}
}
