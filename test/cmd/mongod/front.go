package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"

	"github.com/inlethq/inlet/test/harness/mongowire"
)

// front passes commands to the backend, of all its clients one at a time.
type front struct {
	backend string // the backend's socket
	log     *slog.Logger
	turn    sync.Mutex // held from the first byte of a command to the last of its reply
}

// handle serves one client until it leaves, the backend fails or ctx ends.
func (f *front) handle(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", f.backend)
	if err != nil {
		f.log.Error("no backend", "error", err)
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})()

	for ctx.Err() == nil {
		command, err := mongowire.ReadMessage(client)
		if err != nil {
			f.broken(client, err)
			return
		}
		reply, err := f.exchange(server, command)
		if err != nil {
			f.broken(client, err)
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// exchange sends a command and waits for its reply while nobody else's command is running. A command that wants none has none.
func (f *front) exchange(server net.Conn, command []byte) ([]byte, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	if wantsNoReply(command) {
		_, err := server.Write(command)
		return nil, err
	}
	ask := func(command []byte) ([]byte, error) {
		if _, err := server.Write(command); err != nil {
			return nil, err
		}
		return mongowire.ReadMessage(server)
	}
	return answer(command, ask)
}

// broken logs the end of a connection that neither side has closed.
func (f *front) broken(client net.Conn, err error) {
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		f.log.Warn("connection broken", "client", client.RemoteAddr().String(), "error", err)
	}
}

// flagMoreComes is the flag moreToCome of an OP_MSG.
const flagMoreComes = 1 << 1

// wantsNoReply reports whether m is an OP_MSG with the flag moreToCome: an unacknowledged write.
func wantsNoReply(m []byte) bool {
	if len(m) < mongowire.HeaderBytes+4 || mongowire.Opcode(m) != mongowire.OpMsg {
		return false
	}
	return binary.LittleEndian.Uint32(m[mongowire.HeaderBytes:])&flagMoreComes != 0
}
