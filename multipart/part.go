package multipart

import (
	"context"

	"github.com/ossmultipart/go-oss/oss"
)

// newTransfer returns a transfer of the source of j.
func (j *job) newTransfer() *transfer {
	return &transfer{
		governor: j.u.governor, hedges: j.u.hedges, limiter: j.u.opts.Limiter,
		meter: j.meter, guard: &j.guard,
		hedged: func() {
			j.meter.hedged()
			j.warn("a part is far slower than others and is sent a second time", j.plan.Upload, nil)
		},
		fixedRate: j.options.part.Header.Get("X-Oss-Traffic-Limit") != "",
		// The parts in flight, and as many that wait to be sent again: those hold no permit.
		maxInHand: 2 * max(int64(j.u.opts.Concurrency), MaxConcurrency),
		parts:     j.plan.NumParts(),
	}
}

// transfer calls send for each piece of the source that open returns. It records whether a request got no answer.
func (j *job) transfer(
	ctx context.Context, open func(context.Context) (source, func()), send sender,
) (*transferResult, error) {
	sent, err := j.newTransfer().run(ctx, open, send)
	j.cut = j.cut || sent.cut
	return sent, err
}

// sendParts hashes the pieces of src and uploads them as parts.
func (j *job) sendParts(ctx context.Context, src source) (*transferResult, error) {
	hashed := func(ctx context.Context) (source, func()) { return j.hashAhead(ctx, src) }
	return j.transfer(ctx, hashed, j.sendPart)
}

// sendPart uploads one piece and returns the part that OSS confirmed. If OSS did not tell its CRC-64, the part has the
// one computed here.
func (j *job) sendPart(ctx context.Context, p admitted) (oss.Part, error) {
	opts := j.options.part
	opts.Checksum = j.u.opts.Checksum
	upload := func(ctx context.Context, body oss.Body) (oss.Part, error) {
		return j.u.client.UploadPart(ctx, j.plan.Upload, p.Number, body, &opts)
	}
	if opts.Checksum != oss.ChecksumMD5 {
		return p.sendHedged(ctx, upload)
	}
	sums := p.sums
	if sums == nil {
		var err error
		if sums, err = j.u.sumOf(ctx, p.toHash()); err != nil {
			return oss.Part{}, err
		}
	}
	opts.MD5, opts.CRC64 = sums.md5[:], &sums.crc
	part, err := p.sendHedged(ctx, upload)
	if part.CRC64 == 0 {
		part.CRC64 = sums.crc
	}
	return part, err
}
