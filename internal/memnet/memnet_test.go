package memnet

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
	client, server := Listen("test").pipe(false)
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
		client.out.closeWrite() // only its half
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, equal: %t, %v", len(got), bytes.Equal(got, data), err)
	}
}

func TestConnBuffers64KiBInEachDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Listen("test").pipe(false)
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
		client, _ := Listen("test").pipe(false)
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
	const reset = syscall.ECONNRESET
	tests := []struct {
		name              string
		end               func(client, server *Conn)
		read, write       error // of the client
		unread            bool  // whether the client first reads what was written before
		ownRead, ownWrite error // of the server
	}{
		{"closed by the peer", func(_, server *Conn) { server.Close() },
			io.EOF, syscall.EPIPE, true, net.ErrClosed, net.ErrClosed},
		{"closed here", func(client, _ *Conn) { client.Close() },
			net.ErrClosed, net.ErrClosed, false, io.EOF, syscall.EPIPE},
		{"reset by the peer", func(_, server *Conn) { server.Reset() },
			reset, reset, false, reset, reset},
		{"reset and closed", func(_, server *Conn) { server.Reset(); server.Close() },
			reset, reset, false, reset, reset},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := Listen("test").pipe(false)
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

func TestPeerClosedIsClosedByThePeersClose(t *testing.T) {
	client, server := Listen("test").pipe(false)
	client.Write([]byte("unread"))
	select {
	case <-server.PeerClosed():
		t.Fatal("PeerClosed before Close")
	default:
	}
	client.Close()
	<-server.PeerClosed()
	client.Close() // may be called twice
	server.Reset()
}

// A server can refuse a request whose body is still arriving, close, and be read by the client nonetheless.
func TestDiscardInputLetsThePeerFinishWritingAndRead(t *testing.T) {
	client, server := Listen("test").pipe(false)
	client.Write([]byte("unread"))
	server.DiscardInput()
	server.Write([]byte("refused"))
	server.Close()
	if n, err := client.Write(make([]byte, 10*streamSize)); n != 10*streamSize || err != nil {
		t.Errorf("Write = %d, %v, want all of it", n, err)
	}
	if got, err := io.ReadAll(client); string(got) != "refused" || err != nil {
		t.Errorf("read %q, %v, want the reply", got, err)
	}
}

func TestDialIsRefusedAfterClose(t *testing.T) {
	l := Listen("test")
	l.Close()
	l.Close()
	if _, err := l.Dial(t.Context(), false); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

// An http.Server that is closed between Accept and its own bookkeeping does not close the connection.
func TestCloseConnsClosesEveryAcceptedConnection(t *testing.T) {
	l := Listen("test")
	go l.Accept()
	client, err := l.Dial(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for l.Close(); ; {
		l.mu.Lock()
		accepted := len(l.open)
		l.mu.Unlock()
		if accepted == 1 {
			break
		}
	}
	l.CloseConns()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read: %v, want the end", err)
	}
	if client.LocalAddr().String() != "test" || client.RemoteAddr().Network() != "memory" ||
		l.Addr().String() != "test" {
		t.Error("addresses have no names")
	}
}
