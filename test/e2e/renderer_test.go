package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// children lists the processes that a process has started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
		}
	}
	return all
}

// TestSingleRendererKilled: pictures are decoded in children of the server, and whatever ends these is no harm to it, nor to the next picture.
func TestSingleRendererKilled(t *testing.T) {
	slow(t)
	m := newMachine(t)
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV} {
		m.waitThumbnail(m.ready(samples.JPEG(320, 240, uint64(i))))
		renderers := children(t, m.server.PID())
		if len(renderers) == 0 {
			t.Fatal("the server has no renderer")
		}
		for _, pid := range renderers {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
		}
		m.waitThumbnail(m.ready(samples.JPEG(320, 240, uint64(10+i))))
	}
	m.fsck(0, nil)
}
