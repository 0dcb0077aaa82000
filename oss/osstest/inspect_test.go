package osstest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRequestLogKeepsTheNewest(t *testing.T) {
	s := NewServer(nil)
	defer s.Close()
	for range logSize + logSize/10 {
		s.log.entries = append(s.log.entries, &Request{Op: "Old"})
	}
	for range 3 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "http://bucket.localhost/key", nil))
	}
	if all := s.Requests(); len(all) != logSize || len(s.Requests("PutObject")) != 3 || all[logSize-1].Op != "PutObject" {
		t.Errorf("%d requests are kept, want %d", len(all), logSize)
	}
	if len(s.log.entries) > logSize+3 {
		t.Errorf("%d entries are held", len(s.log.entries))
	}
}
