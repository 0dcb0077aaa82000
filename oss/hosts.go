package oss

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// hosts connects to hosts by name. Each connection goes to the address of its host that was used longest ago and has
// not failed recently. If an address does not answer, hosts tries others at the same time, as in RFC 8305.
type hosts struct {
	connect connectFunc
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	family  IPFamily

	mu      sync.Mutex
	turn    int64 // grows with each connection
	known   map[netip.AddrPort]address
	answers map[string][]netip.Addr // the last one for each host
}

// An address is the state of one IP address.
type address struct {
	turn    int64     // of the last connection
	avoided time.Time // until then
}

const (
	attemptDelay = 250 * time.Millisecond // until the next address is tried beside one that does not answer
	avoidance    = time.Minute            // of an address that has failed
	lookupLimit  = 2 * time.Second        // for a host whose last addresses are known
	maxKnown     = 4096                   // addresses, and hosts, that are remembered
)

// dial connects to an address of host:port.
func (h *hosts) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	list, err := h.resolve(ctx, hostPort)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return h.race(ctx, network, h.order(list))
}

// resolve returns the addresses of hostPort that belong to the wanted family, in the order of the lookup.
func (h *hosts) resolve(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "invalid port", Addr: hostPort}
	}
	var found []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{literal}
	} else if found, err = h.find(ctx, host); err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for _, ip := range found {
		p := netip.AddrPortFrom(ip.Unmap(), uint16(port))
		if ip.IsValid() && (h.family == AnyIP || h.family == familyOf(ip)) && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, &net.AddrError{Err: fmt.Sprintf("no %v address", h.family), Addr: host}
	}
	return list, nil
}

// find looks host up. If that fails, or takes too long, it returns what it found last: connections that are replaced
// during an upload do not depend on name servers.
func (h *hosts) find(ctx context.Context, host string) ([]netip.Addr, error) {
	h.mu.Lock()
	last := h.answers[host]
	h.mu.Unlock()
	limited := ctx
	if last != nil {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, lookupLimit)
		defer cancel()
	}
	found, err := h.lookup(limited, [...]string{"ip", "ip4", "ip6"}[h.family], host)
	switch {
	case ctx.Err() == nil && last != nil && (err != nil || len(found) == 0):
		return last, nil
	case err == nil && len(found) > 0:
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.answers == nil || len(h.answers) >= maxKnown {
			h.answers = make(map[string][]netip.Addr)
		}
		h.answers[host] = found
	}
	return found, err
}

func familyOf(ip netip.Addr) IPFamily {
	if ip.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// order sorts list into the order in which to try it, and marks the first address as used. Addresses to avoid come
// last. In both groups families alternate, beginning with that of the first in list, and each family is sorted by last
// use.
func (h *hosts) order(list []netip.AddrPort) []netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	preferred, now := familyOf(list[0].Addr()), time.Now()
	slices.SortStableFunc(list, func(a, b netip.AddrPort) int { return cmp.Compare(h.known[a].turn, h.known[b].turn) })
	var groups [2][2][]netip.AddrPort // by avoided or not, and by preferred or not
	for _, p := range list {
		avoided, other := 0, 0
		if now.Before(h.known[p].avoided) {
			avoided = 1
		}
		if familyOf(p.Addr()) != preferred {
			other = 1
		}
		groups[avoided][other] = append(groups[avoided][other], p)
	}
	ordered := list[:0:0]
	for _, g := range groups {
		for i := range max(len(g[0]), len(g[1])) {
			for _, family := range g {
				if i < len(family) {
					ordered = append(ordered, family[i])
				}
			}
		}
	}
	h.takeLocked(ordered[0])
	return ordered
}

// take records that p is used now.
func (h *hosts) take(p netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.takeLocked(p)
}

func (h *hosts) takeLocked(p netip.AddrPort) {
	h.turn++
	h.remember(p, address{h.turn, h.known[p].avoided})
}

// remember replaces the state of p. The caller holds the lock.
func (h *hosts) remember(p netip.AddrPort, a address) {
	if h.known == nil || len(h.known) >= maxKnown {
		h.known = make(map[netip.AddrPort]address)
	}
	h.known[p] = a
}

// avoid records that addr, or a connection to it, has failed.
func (h *hosts) avoid(addr net.Addr) {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		p := tcp.AddrPort()
		h.avoidAddress(netip.AddrPortFrom(p.Addr().Unmap(), p.Port()))
	}
}

func (h *hosts) avoidAddress(p netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remember(p, address{h.known[p].turn, time.Now().Add(avoidance)})
}

// race returns the first connection to an address of list. It tries the addresses in order, each once the previous one
// has failed or has not answered for attemptDelay.
func (h *hosts) race(ctx context.Context, network string, list []netip.AddrPort) (net.Conn, error) {
	type result struct {
		number int
		conn   net.Conn
		err    error
	}
	var (
		results = make(chan result)
		began   []time.Time               // of the attempts made
		ended   = make([]bool, len(list)) // whether the attempt has
		running sync.WaitGroup
		first   error
	)
	ctx, cancel := context.WithCancel(ctx)
	defer running.Wait()
	defer cancel()
	try := func() {
		number := len(began)
		began = append(began, time.Now())
		running.Go(func() {
			c, err := h.connect(ctx, network, list[number].String())
			select {
			case results <- result{number, c, err}:
			case <-ctx.Done():
				if err == nil {
					c.Close()
				}
			}
		})
	}
	// avoidSlow avoids the addresses that had attemptDelay to answer before end, and did not.
	avoidSlow := func(end time.Time) {
		for i, start := range began {
			if !ended[i] && end.Sub(start) >= attemptDelay {
				h.avoidAddress(list[i])
			}
		}
	}
	try()
	next := time.NewTicker(attemptDelay)
	defer next.Stop()
	for pending := 1; pending > 0; {
		select {
		case <-next.C:
			if len(began) < len(list) {
				try()
				pending++
			}
			continue
		case <-ctx.Done():
			avoidSlow(time.Now())
			return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
		case r := <-results:
			if r.err == nil {
				ended[r.number] = true
				avoidSlow(began[r.number])
				if r.number > 0 {
					h.take(list[r.number])
				}
				return r.conn, nil
			}
			if ctx.Err() != nil {
				continue
			}
			pending--
			ended[r.number] = true
			if first == nil {
				first = r.err
			}
			h.avoidAddress(list[r.number])
			if len(began) < len(list) {
				try()
				pending++
				next.Reset(attemptDelay)
			}
		}
	}
	return nil, first
}
