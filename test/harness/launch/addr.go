package launch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// FreeAddr returns a loopback address that no other caller, of any process, is given before this process ends. A program may listen there, end, and listen
// there again.
//
// Its port is below those that Linux takes for outgoing connections: from one of these somebody else's connection may come before the program
// listens, or a client that dials while it is down may be connected to itself.
func FreeAddr() (string, error) {
	var err error
	for range 100 {
		port := 20_000 + rand.IntN(12_000) //nolint:gosec // any that is free
		if err = reserve(port); err == nil {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
		}
	}
	return "", err
}

// reserve binds a socket to a port, where nothing else is bound, for the life of the process. It never listens; and since it says afterwards that the address
// may be used again (SO_REUSEADDR of socket(7)), a listener that says so too, as Go's do, has the port all the same.
func reserve(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("port %d: %w", port, errors.Join(os.NewSyscallError("bind", err), unix.Close(fd)))
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return errors.Join(os.NewSyscallError("setsockopt", err), unix.Close(fd))
	}
	return nil
}
