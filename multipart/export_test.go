package multipart

// InUse returns what uploads of u hold at the moment: slots for parts in flight, and bytes of
// buffers. Both are zero when none is going on.
func (u *Uploader) InUse() (slots, bytes int64) {
	for _, b := range []struct {
		budget *budget
		used   *int64
	}{{u.slots, &slots}, {u.memory.budget, &bytes}} {
		b.budget.mu.Lock()
		*b.used = b.budget.used
		b.budget.mu.Unlock()
	}
	return slots, bytes
}

// Bound returns how many parts u allows in flight at the moment.
func (u *Uploader) Bound() int { return int(u.slots.bound()) }

// NoHedging has u never send a part twice.
func (u *Uploader) NoHedging() { u.ledger = nil }

// HedgeFreely has u take parts for fast from the first on, and send as much in vain as not.
func (u *Uploader) HedgeFreely() {
	if l := u.ledger; l != nil {
		l.share, l.parts = 1, leastKnown
		for i := range l.parts {
			l.latest[i].size = 1
		}
	}
}

// ChangeTime returns when the inode of a file was last changed, the zero time where the system does not tell.
var ChangeTime = changeTime
