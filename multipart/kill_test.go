package multipart_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

var (
	kills    = flag.Int("kills", 0, "how many uploading processes to kill; 0 leaves it to package effort")
	killSeed = flag.Uint64("killseed", 1, "of the moments to kill them at")
)

// What the uploading processes do: twelve parts and a tail, three at a time. A part is sent in several writes, so
// that some are half sent.
const (
	killedPart    = 96 << 10
	killedTail    = 1000
	killedWorkers = 3
	killedSize    = 12*killedPart + killedTail
)

// phases are what a process can be killed in.
const (
	inStart    = "before the first request"
	inSearch   = "when looking for uploads without a record"
	inInitiate = "in Initiate"
	inSave     = "after Initiate, before the record is there"
	inList     = "when looking for parts"
	inParts    = "in the parts"
	inComplete = "in Complete"
	inDelete   = "after Complete, before the record is gone"
	inReturn   = "when all was done"
)

// allKills are so many that each phase must have been hit.
const allKills = 200

// killedAtAnyMoment is U1. Law: kill the process that uploads a file at any moment, any number of times; in the end
// the object is right, no more was sent than the file and what was in flight at each kill, and nothing is left; unless
// the processes do not say that no other uploads to the key: then what died between Initiate and the record is left.
func killedAtAnyMoment(t *testing.T) {
	n := cmp.Or(*kills, effort.Of(12, 40, allKills))
	t.Logf("seed %d: go test -run '^%s$' ./multipart -kills %d -killseed %d", *killSeed, t.Name(), n, *killSeed)
	rnd := rand.New(rand.NewPCG(*killSeed, 1))
	var all tally
	all.phases = make(map[string]int)
	for all.kills < n && !t.Failed() {
		killedRound(t, rnd, &all)
	}
	t.Logf("%d kills in %d rounds: %v", all.kills, all.rounds, all.phases)
	t.Logf("%d bytes sent for %d, %d of them again; %d uploads without parts and %d temporary files left",
		all.sent, all.rounds*killedSize, all.sent-int64(all.rounds*killedSize), all.orphans, all.temporary)
	if n < allKills {
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
	r.exclusive = all.rounds%2 == 1
	hit := make(map[string]int)
	for run, over := 0, false; !over; run++ {
		when := killMoment(rnd, r)
		p := r.start(t, fmt.Sprintf("run-%d", run))
		r.line.arm(when, p.kill)
		p.begin()
		res, killed, err := p.wait()
		r.waitIdle(t)
		if !killed {
			if err != nil || res.Size != killedSize {
				t.Fatalf("round %d: a process that was not killed: %+v, %v", all.rounds, res, err)
			}
			break
		}
		phase := r.phase(p.name)
		hit[phase]++
		over = phase == inReturn // only the news of it was lost
	}
	r.disconnect()

	killed := 0
	for phase, n := range hit {
		all.phases[phase] += n
		killed += n
	}
	obj, _ := r.srv.Object(bucket, key)
	if !bytes.Equal(obj.Data, r.want) {
		t.Errorf("round %d: after %d kills (%v) the object has %d bytes that are not those of the file",
			all.rounds, killed, hit, len(obj.Data))
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
	if temporary > hit[inStart]+hit[inSearch]+hit[inSave] { // in each of these a record is saved
		t.Errorf("round %d: %d temporary files are left after %v", all.rounds, temporary, hit)
	}
	orphans := r.orphans(t)
	if orphans > hit[inSave]+hit[inInitiate] || r.exclusive && orphans > 0 {
		t.Errorf("round %d: %d uploads are left by %v, exclusive %v", all.rounds, orphans, hit, r.exclusive)
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
	if r.named() { // such a process does not initiate
		initiate = "UploadPart"
	} else { // and such a one has nothing to list
		list = "UploadPart"
	}
	shortly := func(most time.Duration) time.Duration { return time.Duration(rnd.Int64N(int64(most))) }
	part := moment{op: "UploadPart", nth: rnd.IntN(9), stage: stage(rnd.IntN(4)), body: rnd.IntN(killedPart)}
	switch rnd.IntN(16) {
	case 0:
		return moment{} // before it knows what to do
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
// them with a clear error, and leave nothing. The first is held at a moment until the second has sent its first
// request, so that both are at work however long the second takes to start.
func twoProcessesResume(t *testing.T) {
	t.Logf("seed %d", *killSeed)
	rnd := rand.New(rand.NewPCG(*killSeed, 2))
	var shared, succeeded, refused int
	rounds := effort.Of(4, 8, 16)
	for round := range rounds {
		r := newKillRound(t, rnd)
		recorded := round%4 != 0 // else there is no record, and both begin
		if recorded {
			p := r.start(t, "killed")
			r.line.arm(moment{op: "UploadPart", nth: 1 + rnd.IntN(9), stage: arrived}, p.kill) // this part is missing
			p.begin()
			p.wait()
			r.waitIdle(t)
		}
		reached, arrived := make(chan struct{}), r.line.arrival("second")
		first, second := r.start(t, "first"), r.start(t, "second")
		r.line.arm(meetingMoment(rnd, recorded), sync.OnceFunc(func() {
			close(reached)
			select {
			case <-arrived:
			case <-second.ended:
			}
		}))
		first.begin()
		if !recorded { // one of them has the lock of the record, which the other waits for before its first request
			second.begin()
		}
		select {
		case <-reached:
		case <-first.ended:
			t.Errorf("round %d: the first process has ended before the moment when the second comes", round)
		}
		if recorded {
			second.begin()
		}
		_, _, firstErr := first.wait()
		_, _, secondErr := second.wait()
		r.disconnect()
		won := 0
		for _, err := range []error{firstErr, secondErr} {
			switch {
			case err == nil:
				won++
			case strings.HasPrefix(err.Error(), "multipart: upload to oss://"):
				refused++
				t.Logf("round %d: %v", round, err)
			default:
				t.Errorf("round %d: a process ended with %v", round, err)
			}
		}
		if obj, _ := r.srv.Object(bucket, key); won == 0 || !bytes.Equal(obj.Data, r.want) {
			t.Errorf("round %d: %d processes succeeded, and the object has %d bytes: %v, %v", round, won,
				len(obj.Data), firstErr, secondErr)
		}
		if left := r.srv.Uploads(); len(left) > 0 || r.recorded() || r.temporary() > 0 {
			t.Errorf("round %d: left are %v, a record: %v, and %d temporary files", round, left,
				r.recorded(), r.temporary())
		}
		succeeded += won
		if r.sharedUpload() {
			shared++
		} else if recorded {
			t.Errorf("round %d: the processes have not worked on the same upload", round)
		}
		r.close()
	}
	t.Logf("%d rounds, %d with both at the same upload; %d processes succeeded, %d were refused",
		rounds, shared, succeeded, refused)
}

// meetingMoment draws what the first of two processes is doing when the second comes. Where there is a record one part
// at least is missing, so that the moment comes in any case.
func meetingMoment(rnd *rand.Rand, recorded bool) moment {
	if !recorded {
		return moment{op: "UploadPart", stage: arrived}
	}
	switch rnd.IntN(4) {
	case 0:
		return moment{op: "ListParts", stage: stage(rnd.IntN(2)) * served}
	case 1:
		return moment{op: "CompleteMultipartUpload", stage: stage(rnd.IntN(2)) * served}
	}
	return moment{op: "UploadPart", stage: stage(rnd.IntN(3)), body: rnd.IntN(killedTail)}
}

// phase tells what the named process was doing last.
func (r *killRound) phase(name string) string {
	op, status := r.line.lastOf(name), 0
	for _, req := range r.srv.Requests(op) {
		if agent(req.Header) == name {
			status = req.StatusCode
		}
	}
	recorded := r.named()
	_, made := r.srv.Stat(bucket, key)
	switch {
	case made && !r.recorded():
		return inReturn
	case op == "":
		return inStart
	case op == "ListMultipartUploads" || op == "AbortMultipartUpload":
		return inSearch
	case op == "InitiateMultipartUpload" && status == 0:
		return inInitiate
	case op == "InitiateMultipartUpload" && !recorded:
		return inSave
	case op == "CompleteMultipartUpload" && status == 0:
		return inComplete
	case made:
		return inDelete
	case op == "ListParts":
		return inList
	}
	return inParts
}

// orphans checks that every upload that is left has no parts, that Unfinished finds it, and that Sweep ends it. It
// returns how many there were.
func (r *killRound) orphans(t *testing.T) int {
	t.Helper()
	left := make(map[oss.Upload]bool)
	for _, up := range r.srv.Uploads() {
		left[up.Upload] = true
		if len(up.Parts) > 0 {
			t.Errorf("%v is left with %d parts", up.Upload, len(up.Parts))
		}
	}
	u := multipart.NewUploader(r.srv.Client(), settings(killedPart))
	found := 0
	for p, err := range u.Unfinished(t.Context(), bucket, key) {
		if found++; err != nil || !left[p.Upload] {
			t.Errorf("Unfinished yields %v, %v, which is none of %v", p.Upload, err, left)
		}
	}
	swept := 0
	for s, err := range u.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Nanosecond}) {
		if swept++; err != nil || !left[s.Upload] || s.Parts != 0 {
			t.Errorf("Sweep yields %+v, %v, which is none of %v", s, err, left)
		}
	}
	if still := r.srv.Uploads(); found != len(left) || swept != len(left) || len(still) > 0 {
		t.Errorf("of %d uploads Unfinished found %d, Sweep ended %d, and %v is still there",
			len(left), found, swept, still)
	}
	return len(left)
}

// sharedUpload reports whether both processes sent requests about the same upload.
func (r *killRound) sharedUpload() bool {
	by := make(map[string]map[string]bool)
	for _, req := range r.srv.Requests("ListParts", "UploadPart", "CompleteMultipartUpload") {
		if by[req.UploadID] == nil {
			by[req.UploadID] = make(map[string]bool)
		}
		by[req.UploadID][agent(req.Header)] = true
	}
	for _, agents := range by {
		if agents["first"] && agents["second"] {
			return true
		}
	}
	return false
}
