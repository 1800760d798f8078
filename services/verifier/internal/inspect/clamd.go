package inspect

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// clamd asks a ClamAV daemon about a stream, by the INSTREAM command (clamd(8)). Every scan is a connection of its own, so
// it may be used by many goroutines at once.
//
// clamd should run with AlertExceedsMax and AlertEncrypted, and with a StreamMaxLength above the size of the largest file:
// what is beyond its limits it passes as OK otherwise.
type clamd struct {
	network, address string
	timeout          time.Duration // for one step: connecting, sending a block, waiting for the verdict
}

const maxReply = 4096

// newClamd reads "tcp://host:port" or "unix:/path".
func newClamd(address string, timeout time.Duration) (*clamd, error) {
	u, err := url.Parse(address)
	switch {
	case err == nil && u.Scheme == "tcp" && u.Port() != "" && u.Path == "":
		return &clamd{"tcp", u.Host, timeout}, nil
	case err == nil && u.Scheme == "unix" && u.Path != "" && u.Host == "":
		return &clamd{"unix", u.Path, timeout}, nil
	}
	return nil, file.Errorf(file.Invalid, "inspect.clamd", "the address of clamd is %q; it may be tcp://host:port or unix:/path", address)
}

// scan sends r to its end. nil means clean; a rejection means that clamd found something; any other error, the size limit
// of clamd included, means that the file has not been scanned.
func (c *clamd) scan(ctx context.Context, r io.Reader) error {
	dialer := net.Dialer{Timeout: c.timeout}
	conn, err := dialer.DialContext(ctx, c.network, c.address)
	if err != nil {
		return scanFailure(ctx, err)
	}
	defer func() { _ = conn.Close() }() // nothing is left to send
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	sendErr := c.send(conn, r)
	// clamd that has had enough answers and closes before all is sent: its answer says more than the failure to send.
	reply, err := c.receive(conn)
	if err != nil {
		return scanFailure(ctx, errors.Join(sendErr, err))
	}
	if err := verdictOf(reply); err != nil {
		var rejected *rejection
		if errors.As(err, &rejected) {
			return err
		}
		return scanFailure(ctx, errors.Join(err, sendErr))
	}
	if sendErr != nil {
		return scanFailure(ctx, sendErr)
	}
	return nil
}

func scanFailure(ctx context.Context, err error) error {
	kind := file.Unavailable
	if ctx.Err() != nil {
		kind = file.Cancelled
	}
	return file.Wrap(kind, "inspect.scan", err)
}

// send writes the command and the blocks: each behind its length, the last one empty.
func (c *clamd) send(conn net.Conn, r io.Reader) error {
	if err := c.write(conn, []byte("zINSTREAM\x00")); err != nil {
		return err
	}
	block := make([]byte, 4+blockSize)
	for {
		n, err := io.ReadFull(r, block[4:])
		if err != nil && endOfInput(err) != nil {
			_ = conn.Close() // there is no verdict to wait for
			return err
		}
		if n > 0 {
			binary.BigEndian.PutUint32(block, uint32(n)) //nolint:gosec // G115: at most blockSize
			if err := c.write(conn, block[:4+n]); err != nil {
				return err
			}
		}
		if err != nil {
			return c.write(conn, make([]byte, 4))
		}
	}
}

func (c *clamd) write(conn net.Conn, p []byte) error {
	if err := conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	_, err := conn.Write(p)
	return err
}

// receive reads the answer up to its NUL.
func (c *clamd) receive(conn net.Conn) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return "", err
	}
	reply, err := bufio.NewReader(io.LimitReader(conn, maxReply)).ReadString(0)
	if err != nil {
		return "", fmt.Errorf("no answer from clamd: %w", err)
	}
	return strings.TrimSuffix(reply, "\x00"), nil
}

// verdictOf reads an answer: "stream: OK", "stream: <signature> FOUND", or an error of clamd.
func verdictOf(reply string) error {
	answer, ok := strings.CutPrefix(reply, "stream: ")
	if ok && answer == "OK" {
		return nil
	}
	signature, found := strings.CutSuffix(answer, " FOUND")
	switch {
	case !ok || !found:
		return fmt.Errorf("clamd answers %q", reply)
	case strings.HasPrefix(signature, "Heuristics.Limits.Exceeded"):
		return reject(content.ReasonArchiveUnsafe, "too large or too deep to be scanned: %q", signature)
	case strings.HasPrefix(signature, "Heuristics.Encrypted"):
		return reject(content.ReasonEncrypted, "%q", signature)
	}
	return reject(content.ReasonInfected, "%.100q", signature)
}
