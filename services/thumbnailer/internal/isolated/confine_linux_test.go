package isolated

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const probeVariable = "INLET_TEST_PROBE"

// probe tries from inside what a renderer must not be able to do, if this process was started for that, and ends.
func probe() {
	target, dir, ok := strings.Cut(os.Getenv(probeVariable), " ")
	if !ok {
		return
	}
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stdout, "confine:", err)
		os.Exit(1)
	}
	report := func(what string, err error) { fmt.Fprintf(os.Stdout, "%s: %v\n", what, err) }
	_, err := os.ReadFile("/etc/passwd")
	report("read a file", err)
	_, err = os.ReadDir("/")
	report("list a folder", err)
	report("make a folder", os.Mkdir(dir+"/probe", 0o700)) //nolint:gosec // a folder of the test
	_, err = net.Dial("tcp", target)                       //nolint:gosec // a listener of the test
	report("connect", err)
	_, err = net.Dial("unix", "@inlet-probe")
	report("connect locally", err)
	report("signal the parent", syscall.Kill(os.Getppid(), 0))
	_, err = syscall.Mmap(-1, 0, maxMemory+1, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	report("take memory", err)
	_, err = os.ReadFile("/usr/bin/env")
	report("read a library", err)
	os.Exit(0)
}

// TestConfined starts a process that is confined as a child is, and has it try what it may not do.
func TestConfined(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, namespaces := range map[string]func(*exec.Cmd){"with namespaces": confined, "without": func(*exec.Cmd) {}} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(self)
			cmd.Env = []string{probeVariable + "=" + l.Addr().String() + " " + t.TempDir()}
			namespaces(cmd)
			out, err := cmd.CombinedOutput()
			if isRefused(err) {
				t.Skipf("this machine lets us have no namespaces: %v", err)
			}
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				what, got, _ := strings.Cut(strings.TrimSpace(line), ": ")
				if allowed := what == "read a library"; (got == "<nil>") != allowed {
					t.Errorf("%s: %s", what, got)
				}
			}
		})
	}
}
