package disk

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// A store whose disk fails this often in this time takes no more writes until a probe succeeds, and is probed no more often than that.
const (
	maxFaults   = 3
	faultWindow = time.Minute
	probeEvery  = time.Second
)

// health stops writes to a disk that fails, and lets them go on when it works again. Nothing runs beside the writes: it is one of them, or
// a Ping, that makes the probe.
type health struct {
	probe func() error // a small write, synced and removed
	now   func() time.Time

	mu      sync.Mutex
	faults  []time.Time // the last maxFaults
	refusal error       // Unavailable, while the store is read-only
	probed  time.Time   // the last probe
	probing bool
}

// fault notes an error of a write if it is the disk's, and returns it.
func (h *health) fault(err error) error {
	var errno syscall.Errno
	if !file.Is(err, file.Internal) || !errors.As(err, &errno) {
		return err // a full disk, too many open files, a key that leads out
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.faults = append(h.faults, now)
	if len(h.faults) < maxFaults {
		return err
	}
	h.faults = h.faults[len(h.faults)-maxFaults:]
	if h.refusal == nil && now.Sub(h.faults[0]) < faultWindow {
		h.refuse(err)
		h.probed = now
	}
	return err
}

func (h *health) refuse(cause error) {
	h.refusal = file.Wrap(file.Unavailable, opPut, fmt.Errorf("the disk fails, and takes no writes until a probe succeeds: %w", cause))
}

// admit returns an Unavailable error while the store is read-only. When it is time for another probe it makes it first.
func (h *health) admit() error {
	if due, err := h.due(); !due {
		return err
	}
	err := h.probe()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing, h.probed = false, h.now()
	if err != nil {
		h.refuse(err)
		return h.refusal
	}
	h.refusal, h.faults = nil, nil
	return nil
}

// due reports whether the caller is to make a probe. If not, err is what admit returns.
func (h *health) due() (due bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal == nil || h.probing || h.now().Sub(h.probed) < probeEvery {
		return false, h.refusal
	}
	h.probing = true
	return true, nil
}
