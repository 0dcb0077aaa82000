package osstest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnCarriesBytesBothWays(t *testing.T) {
	client, server := newConns(false)
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	go func() { // an echo in odd pieces
		buf := make([]byte, 4097)
		for {
			n, err := server.Read(buf)
			server.Write(buf[:n])
			if err != nil {
				server.Close()
				return
			}
		}
	}()
	go func() {
		for b := data; len(b) > 0; {
			n, err := client.Write(b[:min(len(b), 1+rand.IntN(100_000))])
			if err != nil {
				t.Error(err)
			}
			b = b[n:]
		}
		client.out.finish() // only its half
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, equal: %t, %v", len(got), bytes.Equal(got, data), err)
	}
}

func TestConnBuffersAndThenHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newConns(false)
		if n, err := client.Write(make([]byte, streamSize)); n != streamSize || err != nil {
			t.Fatalf("Write = %d, %v without a reader", n, err)
		}
		client.SetWriteDeadline(time.Now().Add(time.Minute))
		begin := time.Now()
		n, err := client.Write([]byte("no room"))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("Write = %d, %v after %v", n, err, time.Since(begin))
		}
		client.SetWriteDeadline(time.Time{})
		go io.CopyN(io.Discard, server, 100)
		if n, err := client.Write([]byte("room")); n != 4 || err != nil {
			t.Errorf("Write = %d, %v with room", n, err)
		}
	})
}

func TestConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newConns(false)
		begin := time.Now()
		client.SetDeadline(begin.Add(time.Hour))
		time.AfterFunc(time.Second, func() { client.SetReadDeadline(begin.Add(time.Minute)) }) // moves while Read waits
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(begin) != time.Minute {
			t.Errorf("Read failed with %v after %v", err, time.Since(begin))
		}
		client.SetDeadline(time.Unix(1, 0))
		if _, err := client.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write after its deadline: %v", err)
		}
		client.SetDeadline(time.Time{})
		if _, err := client.Write([]byte("x")); err != nil {
			t.Errorf("Write without deadline: %v", err)
		}
		client.SetReadDeadline(time.Now().Add(time.Hour))
		client.Close() // leaves no timer to wait for
	})
}

func TestConnEnds(t *testing.T) {
	tests := []struct {
		name              string
		end               func(client, server *conn)
		read, write       error // what the client gets
		unread            bool  // and whether it first gets what was written before
		ownRead, ownWrite error // what the server gets
	}{
		{"closed by the peer", func(_, server *conn) { server.Close() }, io.EOF, syscall.EPIPE, true, net.ErrClosed, net.ErrClosed},
		{"closed here", func(client, _ *conn) { client.Close() }, net.ErrClosed, net.ErrClosed, false, io.EOF, syscall.EPIPE},
		{"reset by the peer", func(_, server *conn) { server.reset() }, syscall.ECONNRESET, syscall.ECONNRESET, false, syscall.ECONNRESET, syscall.ECONNRESET},
		{"reset and closed", func(_, server *conn) { server.reset(); server.Close() }, syscall.ECONNRESET, syscall.ECONNRESET, false, syscall.ECONNRESET, syscall.ECONNRESET},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := newConns(false)
			server.Write([]byte("x"))
			tt.end(client, server)
			n, err := client.Read(make([]byte, 4))
			if tt.unread {
				if n != 1 || err != nil {
					t.Errorf("Read = %d, %v, want what was written", n, err)
				}
				_, err = client.Read(make([]byte, 4))
			}
			if err != tt.read {
				t.Errorf("Read: %v, want %v", err, tt.read)
			}
			if _, err := client.Write([]byte("x")); err != tt.write {
				t.Errorf("Write: %v, want %v", err, tt.write)
			}
			if _, err := server.Read(make([]byte, 4)); err != tt.ownRead {
				t.Errorf("peer's Read: %v, want %v", err, tt.ownRead)
			}
			if _, err := server.Write([]byte("x")); err != tt.ownWrite {
				t.Errorf("peer's Write: %v, want %v", err, tt.ownWrite)
			}
		})
	}
}

func TestConnKnowsWhenItsPeerIsGone(t *testing.T) {
	client, server := newConns(false)
	client.Write([]byte("unread"))
	select {
	case <-server.gone():
		t.Fatal("gone too soon")
	default:
	}
	client.Close()
	<-server.gone()
	client.Close() // twice is no harm
	server.reset()
}

func TestNetworkRefusesOnceClosed(t *testing.T) {
	n := newNetwork()
	n.Close()
	n.Close()
	if _, err := n.dial(t.Context(), false); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	if _, err := n.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

// An http.Server that is closed between Accept and its own book-keeping overlooks the connection.
func TestNetworkClosesWhatWasAcceptedLast(t *testing.T) {
	n := newNetwork()
	go n.Accept()
	client, err := n.dial(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for n.Close(); ; {
		n.mu.Lock()
		accepted := len(n.open)
		n.mu.Unlock()
		if accepted == 1 {
			break
		}
	}
	n.closeAll()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read: %v, want the end", err)
	}
	if client.LocalAddr().String() != "osstest" || client.RemoteAddr().Network() != "memory" || n.Addr().String() != "osstest" {
		t.Error("addresses have no names")
	}
}
