package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// rss uploads one large text, which is made as it is sent and verified as a stream, and tells how much memory the process took at most, and how
// much the renderers that it has started.
func rss(ctx context.Context, t *target, o options) error {
	before, err := peakRSS(t.process.PID())
	if err != nil {
		return err
	}
	start := time.Now()
	resp, err := t.Do(ctx, api.Request{
		Method: http.MethodPost, Path: "/v1/files", Length: o.bytes,
		Header: http.Header{"Content-Disposition": {`attachment; filename="large.txt"`}, "Prefer": {"respond-async"}},
		Body:   io.LimitReader(&repeat{text: samples.Text(1<<20, 1).Data}, o.bytes),
	})
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return err
	}
	uploaded := time.Since(start)
	stored, err := peakRSS(t.process.PID())
	if err != nil {
		return err
	}
	var f api.File
	if err := api.Decode(resp, &f); err != nil {
		return err
	}
	if err := verdict(ctx, t, &f); err != nil {
		return err
	}
	verified, err := peakRSS(t.process.PID())
	if err != nil {
		return err
	}
	renderers, err := childrenRSS(t.process.PID())
	if err != nil {
		return err
	}
	const mib = 1 << 20
	fmt.Printf("peak RSS: idle %d MiB, after an upload of %d MiB %d MiB, after its verdict %d MiB, its renderers %d MiB (uploaded in %s, %.0f MiB/s; verdict %s later)\n",
		before/mib, o.bytes/mib, stored/mib, verified/mib, renderers/mib,
		uploaded.Round(time.Millisecond), float64(o.bytes)/mib/uploaded.Seconds(), time.Since(start.Add(uploaded)).Round(time.Millisecond))
	return nil
}

// verdict asks for a file until it is ready.
func verdict(ctx context.Context, t *target, f *api.File) (err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for f.State == "pending" {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if *f, err = t.Get(ctx, f.ID); err != nil {
			return err
		}
	}
	if f.State != "ready" {
		return fmt.Errorf("the file is %s for %q", f.State, f.Reason)
	}
	return nil
}

// repeat reads a text without end.
type repeat struct {
	text []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

// childrenRSS is peakRSS of all children of a process together.
func childrenRSS(pid int) (sum int64, err error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // each thread has those that it has started
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		text, err := os.ReadFile(list) //nolint:gosec // of /proc
		if err != nil {
			return 0, err
		}
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return 0, err
			}
			n, err := peakRSS(child)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// peakRSS reads the most memory that a process has held, in bytes (VmHWM in proc_pid_status(5)).
func peakRSS(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			var kib int64
			_, err := fmt.Sscanf(value, "%d kB", &kib)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM: %w", pid, lines.Err())
}
