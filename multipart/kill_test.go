package multipart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

var (
	kills    = flag.Int("kills", 200, "how many uploading processes to kill")
	killSeed = flag.Uint64("killseed", 1, "of the moments to kill them at")
)

// What the uploading processes do: twelve parts and a tail, three at a time.
const (
	killedPart    = 8 << 10
	killedWorkers = 3
	killedSize    = 12*killedPart + 1000
)

// phases are what a process can be killed in.
const (
	inStart    = "before the first request"
	inInitiate = "in Initiate"
	inSave     = "after Initiate, before the record is there"
	inList     = "when looking for parts"
	inParts    = "in the parts"
	inComplete = "in Complete"
	inDelete   = "after Complete, before the record is gone"
	inReturn   = "when all was done"
)

// killedAtAnyMoment is U1. Law: kill the process that uploads a file at any moment, any number of times; in the end
// the object is right, no more was sent than the file and what was in flight at each kill, and nothing is left but
// what died between the reply to Initiate and the record.
func killedAtAnyMoment(t *testing.T) {
	t.Logf("seed %d: go test -run %s ./multipart -kills %d -killseed %d", *killSeed, t.Name(), *kills, *killSeed)
	rnd := rand.New(rand.NewPCG(*killSeed, 1))
	var all tally
	all.phases = make(map[string]int)
	for all.kills < *kills && !t.Failed() {
		killedRound(t, rnd, &all)
	}
	t.Logf("%d kills in %d rounds: %v", all.kills, all.rounds, all.phases)
	t.Logf("%d bytes sent for %d, %d of them again; %d uploads without parts and %d temporary files left",
		all.sent, all.rounds*killedSize, all.sent-int64(all.rounds*killedSize), all.orphans, all.temporary)
	if *kills < 200 {
		return // too few to expect that they hit everything
	}
	for _, phase := range []string{inStart, inInitiate, inSave, inList, inParts, inComplete, inDelete} {
		if all.phases[phase] == 0 {
			t.Errorf("no process was killed %s", phase)
		}
	}
	if all.orphans == 0 {
		t.Error("no kill left an upload without a record, so nothing shows that one is found")
	}
}

// A tally is what killing came to.
type tally struct {
	kills, rounds      int
	sent               int64
	orphans, temporary int
	phases             map[string]int
}

// killedRound uploads one file by as many processes as it takes.
func killedRound(t *testing.T, rnd *rand.Rand, all *tally) {
	r := newKillRound(t, rnd)
	defer r.close()
	hit := make(map[string]int)
	for run, over := 0, false; !over; run++ {
		p := r.start(t, fmt.Sprintf("run-%d", run), func(p *process) { r.line.arm(killMoment(rnd, r), p.kill) })
		res, err := p.wait()
		if !p.killed() {
			if err != nil || res.Size != killedSize {
				t.Fatalf("round %d: a process that nobody killed: %+v, %v", all.rounds, res, err)
			}
			break
		}
		phase := r.phase(p.name)
		hit[phase]++
		over = phase == inReturn // only the news of it was lost
	}
	r.close() // after which no request is being served any more

	killed := 0
	for phase, n := range hit {
		all.phases[phase] += n
		killed += n
	}
	obj, _ := r.srv.Object(bucket, key)
	if !bytes.Equal(obj.Data, r.want) {
		t.Errorf("round %d: after %d kills (%v) the object has %d bytes that are not those of the file", all.rounds, killed, hit, len(obj.Data))
	}
	var sent int64
	for _, req := range r.srv.Requests("UploadPart") {
		sent += req.Size
	}
	if most := int64(killedSize + killed*killedWorkers*killedPart); sent > most {
		t.Errorf("round %d: %d bytes were sent, more than %d, after %d kills (%v)", all.rounds, sent, most, killed, hit)
	}
	if r.recorded() {
		t.Errorf("round %d: the record is still there, after %v", all.rounds, hit)
	}
	temporary := r.temporary()
	if temporary > hit[inSave] {
		t.Errorf("round %d: %d temporary files are left by %d kills before the record was there", all.rounds, temporary, hit[inSave])
	}
	orphans := r.orphans(t)
	if orphans > hit[inSave]+hit[inInitiate] {
		t.Errorf("round %d: %d uploads are left by %v", all.rounds, orphans, hit)
	}
	all.kills += killed
	all.rounds++
	all.sent += sent
	all.orphans += orphans
	all.temporary += temporary
}

// killMoment draws the moment to kill the next process at.
func killMoment(rnd *rand.Rand, r *killRound) moment {
	initiate, list := "InitiateMultipartUpload", "ListParts"
	if r.recorded() { // such a process does not initiate
		initiate = "UploadPart"
	} else { // and such a one has nothing to list
		list = "UploadPart"
	}
	shortly := func(most time.Duration) time.Duration { return time.Duration(rnd.Int64N(int64(most))) }
	part := moment{op: "UploadPart", nth: 1 + rnd.IntN(8), stage: stage(rnd.IntN(4)), body: rnd.IntN(killedPart)}
	switch rnd.IntN(16) {
	case 0:
		return moment{after: shortly(8 * time.Millisecond)}
	case 1, 2, 3:
		return moment{after: shortly(80 * time.Millisecond)}
	case 4:
		return moment{op: initiate, stage: arrived}
	case 5:
		return moment{op: initiate, stage: served}
	case 6:
		return moment{op: initiate, stage: answered, after: shortly(3 * time.Millisecond)}
	case 7:
		return moment{op: initiate, stage: saving}
	case 8, 9:
		return moment{op: list, stage: stage(rnd.IntN(2)) * served}
	case 10, 11, 12:
		return part
	case 13:
		return moment{op: "CompleteMultipartUpload", stage: arrived}
	case 14:
		return moment{op: "CompleteMultipartUpload", stage: served}
	}
	return moment{op: "CompleteMultipartUpload", stage: answered, after: shortly(300 * time.Microsecond)}
}

// twoProcessesResume is U8. Law: two processes that work on the same record end in the same right object, or one of
// them with a clear error, and leave nothing.
func twoProcessesResume(t *testing.T) {
	t.Logf("seed %d", *killSeed)
	rnd := rand.New(rand.NewPCG(*killSeed, 2))
	var shared, succeeded, refused int
	const rounds = 16
	for round := range rounds {
		r := newKillRound(t, rnd)
		if round%4 != 0 { // else there is no record, and both begin
			p := r.start(t, "killed", func(p *process) {
				r.line.arm(moment{op: "UploadPart", nth: 1 + rnd.IntN(9), stage: answered}, p.kill)
			})
			p.wait()
		}
		// The second comes when the first has got somewhere.
		ops := []string{"ListParts", "UploadPart", "UploadPart", "CompleteMultipartUpload"}
		when := moment{op: ops[rnd.IntN(len(ops))], stage: stage(rnd.IntN(4))}
		if round%4 == 0 {
			when.op = "InitiateMultipartUpload"
		}
		second := make(chan *process, 1)
		first := r.start(t, "first", func(*process) { r.line.arm(when, func() { second <- r.start(t, "second", nil) }) })
		results := []outcome{first.outcome()}
		select {
		case p := <-second:
			results = append(results, p.outcome())
		default: // the first had less to do than was thought
			results = append(results, r.start(t, "second", nil).outcome())
		}
		r.close()
		won := 0
		for _, o := range results {
			switch {
			case o.err == nil:
				won++
			case strings.Contains(o.err.Error(), "multipart: upload to oss://"):
				refused++
			default:
				t.Errorf("round %d: a process ended with %v", round, o.err)
			}
		}
		if obj, _ := r.srv.Object(bucket, key); won == 0 || !bytes.Equal(obj.Data, r.want) {
			t.Errorf("round %d: %d processes succeeded, and the object has %d bytes: %v", round, won, len(obj.Data), results)
		}
		if left := r.srv.Uploads(); len(left) > 0 || r.recorded() || r.temporary() > 0 {
			t.Errorf("round %d: left are %v, a record: %v, and %d temporary files", round, left, r.recorded(), r.temporary())
		}
		succeeded += won
		if r.sharedUpload() {
			shared++
		}
	}
	t.Logf("%d rounds, %d with both at the same upload; %d processes succeeded, %d were refused", rounds, shared, succeeded, refused)
	if shared == 0 {
		t.Error("never have two processes worked on the same upload")
	}
}

// A killRound is one file, one record and one server on a real port.
type killRound struct {
	srv  *osstest.Server
	http *httptest.Server
	line *line
	want []byte
	path string // of the file
	dir  string // of the records
}

func newKillRound(t *testing.T, rnd *rand.Rand) *killRound {
	t.Helper()
	r := &killRound{srv: osstest.NewServer(&osstest.Options{MinPartSize: 1}), want: make([]byte, killedSize)}
	for i := range r.want {
		r.want[i] = byte(rnd.Uint32())
	}
	dir := t.TempDir()
	r.path, r.dir = filepath.Join(dir, "source"), filepath.Join(dir, "records")
	if err := os.WriteFile(r.path, r.want, 0o600); err != nil {
		t.Fatal(err)
	}
	r.line = &line{srv: r.srv, saving: func() bool { return r.temporary() > 0 }}
	r.http = httptest.NewServer(r.line)
	return r
}

// close waits for what is being served. It may be called again.
func (r *killRound) close() {
	r.http.Close()
	r.srv.Close()
}

// recorded reports whether there is a record.
func (r *killRound) recorded() bool { return len(r.files("*.json")) > 0 }

// temporary returns how many records were not finished.
func (r *killRound) temporary() int { return len(r.files(".record-*")) }

func (r *killRound) files(pattern string) []string {
	names, err := filepath.Glob(filepath.Join(r.dir, pattern))
	if err != nil {
		panic(err) // a pattern of ours is malformed
	}
	return names
}

// phase tells from the log of the server what the named process was doing last.
func (r *killRound) phase(name string) string {
	var last *osstest.Request
	for _, req := range r.srv.Requests() {
		if strings.HasSuffix(req.Header.Get("User-Agent"), name) {
			last = &req
		}
	}
	recorded := r.recorded()
	_, made := r.srv.Stat(bucket, key)
	switch {
	case made && !recorded:
		return inReturn
	case last == nil:
		return inStart
	case last.Op == "InitiateMultipartUpload" && last.StatusCode == 0:
		return inInitiate
	case last.Op == "InitiateMultipartUpload" && !recorded:
		return inSave
	case last.Op == "CompleteMultipartUpload" && last.StatusCode == 0:
		return inComplete
	case made:
		return inDelete
	case last.Op == "ListParts":
		return inList
	}
	return inParts
}

// orphans checks that every upload that is left has no parts, and that Unfinished and Sweep find it. It returns how
// many there were.
func (r *killRound) orphans(t *testing.T) int {
	t.Helper()
	left := r.srv.Uploads()
	var want, got []string
	for _, up := range left {
		want = append(want, up.ID)
		if len(up.Parts) > 0 {
			t.Errorf("%v is left with %d parts", up.Upload, len(up.Parts))
		}
	}
	// The server's own network is closed with it; what it holds is reached by its handler.
	cfg := r.srv.Config()
	cfg.HTTPClient = &http.Client{Transport: r.line}
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = c
	_ = got
	return len(left)
}

// sharedUpload reports whether both processes sent requests about the same upload.
func (r *killRound) sharedUpload() bool {
	by := make(map[string]map[string]bool)
	for _, req := range r.srv.Requests("ListParts", "UploadPart", "CompleteMultipartUpload") {
		agent := req.Header.Get("User-Agent")
		if by[req.UploadID] == nil {
			by[req.UploadID] = make(map[string]bool)
		}
		by[req.UploadID][agent[strings.LastIndexByte(agent, ' ')+1:]] = true
	}
	for _, agents := range by {
		if agents["first"] && agents["second"] {
			return true
		}
	}
	return false
}
