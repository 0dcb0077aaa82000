package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// TestACoordinatorGoesOnFromEveryPoint has a coordinator die at each point of its work, and another go on.
func TestACoordinatorGoesOnFromEveryPoint(t *testing.T) {
	begin := func(n *node, key string, size int64) multipart.Plan {
		p, err := multipart.NewUploader(n.client, &multipart.Options{PartSize: testPart}).
			Begin(t.Context(), bucketName, key, size, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct {
		name   string
		died   func(t *testing.T, n *node, j *job, src *bytes.Reader) // changes j to its record
		begins int
	}{
		{"before the upload is begun", func(_ *testing.T, n *node, j *job, _ *bytes.Reader) {
			j.Begins, j.Since = 1, n.client.Now()
		}, 2},
		{"before it records the upload", func(_ *testing.T, n *node, j *job, _ *bytes.Reader) {
			j.Begins, j.Since = 1, n.client.Now()
			begin(n, "film", j.Files[0].Size)
		}, 2},
		{"with some parts", func(t *testing.T, n *node, j *job, src *bytes.Reader) {
			j.Begins, j.Since = 1, n.client.Now()
			p := begin(n, "film", src.Size())
			up := multipart.NewUploader(n.client, nil)
			if _, err := up.UploadParts(t.Context(), p, src, []int{2, 5}); err != nil {
				t.Fatal(err)
			}
			j.Plan = &p
		}, 1},
		{"before it records the object", func(t *testing.T, n *node, j *job, src *bytes.Reader) {
			j.Begins, j.Since = 1, n.client.Now()
			p := begin(n, "film", src.Size())
			if _, err := multipart.NewUploader(n.client, nil).Resume(t.Context(), p, src); err != nil {
				t.Fatal(err)
			}
			j.Plan = &p
		}, 1},
		{"and its upload was aborted", func(t *testing.T, n *node, j *job, src *bytes.Reader) {
			j.Begins, j.Since = 1, n.client.Now()
			p := begin(n, "film", src.Size())
			if err := n.client.AbortMultipartUpload(t.Context(), p.Upload); err != nil {
				t.Fatal(err)
			}
			j.Plan = &p
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, srv := newNode(t)
			path := filepath.Join(t.TempDir(), "film")
			want := write(t, path, 5*testPart+1, 3)
			other := begin(n, "film2", 1)
			jobs := jobsOf(t, n, path)
			j := jobs[0]
			id := j.id()
			tt.died(t, n, j, bytes.NewReader(want))
			text, _ := json.Marshal(j)
			if _, err := n.jobs.Create(t.Context(), id, text); err != nil {
				t.Fatal(err)
			}
			if err := n.publish(t.Context(), jobSubject+id, task{Job: id}); err != nil {
				t.Fatal(err)
			}
			n.start(t)
			j = ended(t, n)[0]
			if j.Error != "" || j.Begins != tt.begins || len(j.Done) != 1 || j.Done[0].Size != int64(len(want)) {
				t.Errorf("job %+v, want %d begins", j, tt.begins)
			}
			if sent := len(srv.Requests("UploadPart")); tt.begins == 1 && sent != 6 {
				t.Errorf("%d parts sent, want each once", sent)
			}
			if left := srv.Uploads(); len(left) != 1 || left[0].ID != other.Upload.ID {
				t.Errorf("uploads are left: %v", left)
			}
			if err := n.client.AbortMultipartUpload(t.Context(), other.Upload); err != nil {
				t.Error(err)
			}
			wantObject(t, srv, "film", want)
		})
	}
}

// TestACoordinatorThatIsLateAbortsItsUpload has two coordinators begin the same job.
func TestACoordinatorThatIsLateAbortsItsUpload(t *testing.T) {
	n, srv := newNode(t)
	path := filepath.Join(t.TempDir(), "film")
	write(t, path, 2*testPart, 0)
	jobs := jobsOf(t, n, path)
	id := jobs[0].id()
	if err := n.submit(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	cfg := srv.Config()
	next := cfg.HTTPClient.Transport
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has("uploads") { // the other coordinator records something meanwhile
			if err := n.change(t.Context(), id, func(j *job) { j.Begins++ }); err != nil {
				t.Error(err)
			}
		}
		return next.RoundTrip(r)
	})}
	late := *n
	var err error
	if late.client, err = oss.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := late.step(t.Context(), id); !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		t.Errorf("step: %v", err)
	}
	if left := srv.Uploads(); len(left) > 0 || len(srv.Requests("InitiateMultipartUpload")) != 1 {
		t.Errorf("uploads are left: %v", left)
	}
}
