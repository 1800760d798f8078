package inspect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// eicar is the test file of the anti-malware industry (https://www.eicar.org), in two pieces so that no scanner stops at
// this source.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// fakeClamd is NOT clamd: it speaks the INSTREAM protocol over TCP and gives the answer that the test wants. It returns its
// address. answer gets all bytes of the stream; "" closes the connection without a word.
func fakeClamd(t *testing.T, limit int, answer func(stream []byte) string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if reply := fakeScan(bufio.NewReader(conn), limit, answer); reply != "" {
					_, _ = conn.Write([]byte(reply + "\x00"))
				}
			}()
		}
	}()
	return "tcp://" + listener.Addr().String()
}

func fakeScan(r *bufio.Reader, limit int, answer func([]byte) string) string {
	if command, err := r.ReadString(0); err != nil || command != "zINSTREAM\x00" {
		return "UNKNOWN COMMAND"
	}
	var stream bytes.Buffer
	for {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			return ""
		}
		if size == 0 {
			return answer(stream.Bytes())
		}
		if stream.Len()+int(size) > limit {
			return "INSTREAM size limit exceeded. ERROR"
		}
		if _, err := io.CopyN(&stream, r, int64(size)); err != nil {
			return ""
		}
	}
}

func TestFakeClamd(t *testing.T) {
	text := []byte(strings.Repeat("several blocks of text\n", 10_000))
	tests := []struct {
		name   string
		limit  int
		answer string
		reason string // of the verdict; "error" when there is none
	}{
		{"clean", 1 << 30, "stream: OK", ""},
		{"found", 1 << 30, "stream: Eicar-Test-Signature FOUND", content.ReasonInfected},
		{"beyond the limits", 1 << 30, "stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND", content.ReasonArchiveUnsafe},
		{"encrypted", 1 << 30, "stream: Heuristics.Encrypted.PDF FOUND", content.ReasonEncrypted},
		{"error", 1 << 30, "stream: Can't allocate memory ERROR", "error"},
		{"nonsense", 1 << 30, "OK", "error"},
		{"hangs up", 1 << 30, "", "error"},
		{"endless", 1 << 30, strings.Repeat("x", 2*maxReply), "error"},
		{"size limit", 100_000, "stream: OK", "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan []byte, 1)
			address := fakeClamd(t, tt.limit, func(stream []byte) string {
				got <- bytes.Clone(stream)
				return tt.answer
			})
			i, err := New(Config{Clamd: address, ScanTimeout: 10 * time.Second})
			must(t, err)
			v, err := i.Inspect(t.Context(), bytes.NewReader(text), &file.File{DeclaredType: "text/plain"})
			if tt.reason == "error" {
				if !file.Is(err, file.Unavailable) {
					t.Fatalf("%+v, %v; want Unavailable", v, err)
				}
				return
			}
			if err != nil || v.Reason != tt.reason {
				t.Fatalf("%+v, %v; want reason %q", v, err, tt.reason)
			}
			if !bytes.Equal(<-got, text) {
				t.Fatal("the scanner saw other bytes")
			}
		})
	}
}

func TestClamdOut(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := "tcp://" + listener.Addr().String()
	must(t, listener.Close())
	i, err := New(Config{Clamd: address})
	must(t, err)
	v, err := i.Inspect(t.Context(), strings.NewReader("text"), &file.File{DeclaredType: "text/plain"})
	if !file.Is(err, file.Unavailable) {
		t.Fatalf("not scanned is no verdict: %+v, %v", v, err)
	}
}

// A scanner that takes everything and says nothing ends with the context, or with the timeout.
func TestClamdHangs(t *testing.T) {
	scanning, release := make(chan struct{}, 2), make(chan struct{})
	defer close(release)
	address := fakeClamd(t, 1<<20, func([]byte) string {
		scanning <- struct{}{}
		<-release
		return ""
	})
	i, err := New(Config{Clamd: address, ScanTimeout: time.Minute})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-scanning
		cancel()
	}()
	if _, err := i.Inspect(ctx, strings.NewReader("text"), &file.File{DeclaredType: "text/plain"}); !file.Is(err, file.Cancelled) {
		t.Fatal(err)
	}
	if i, err = New(Config{Clamd: address, ScanTimeout: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Inspect(t.Context(), strings.NewReader("text"), &file.File{DeclaredType: "text/plain"}); !file.Is(err, file.Unavailable) {
		t.Fatal(err)
	}
}

func TestClamdAddress(t *testing.T) {
	for _, address := range []string{"tcp://scanner:3310", "tcp://[::1]:3310", "unix:/run/clamav/clamd.ctl"} {
		if _, err := New(Config{Clamd: address}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"scanner:3310", "tcp://scanner", "tcp://scanner:3310/x", "unix:", "http://scanner:80", "\x00"} {
		if _, err := New(Config{Clamd: address}); !file.Is(err, file.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestRealClamd runs the real daemon with one signature of our own, for EICAR.
func TestRealClamd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a daemon")
	}
	program, err := exec.LookPath("clamd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/clamd"); err != nil {
			t.Skip("clamd is not installed (apt-get install clamav-daemon): only the fake one was tested")
		}
	}
	i, err := New(Config{Clamd: "unix:" + startClamd(t, program)})
	must(t, err)
	zipped := zipOf(t, entry{name: "eicar.com", data: eicar})
	for name, tt := range map[string]struct {
		declared string
		data     []byte
		reason   string
	}{
		"clean":        {"text/plain", []byte("nothing to see\n"), ""},
		"eicar":        {"text/plain", []byte(eicar), content.ReasonInfected},
		"eicar zipped": {"application/zip", zipped, content.ReasonInfected},
		"eicar nested": {"application/zip", zipOf(t, entry{name: "a.zip", data: string(zipped)}), content.ReasonInfected},
		"large":        {"text/plain", []byte(strings.Repeat("some text\n", 500_000)), ""},
	} {
		v, err := i.Inspect(t.Context(), bytes.NewReader(tt.data), &file.File{DeclaredType: tt.declared})
		if err != nil || v.Reason != tt.reason {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// startClamd starts clamd in a folder of its own and returns its socket, once it listens.
func startClamd(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "clamd.sock")
	signature := fmt.Sprintf("Eicar-Test:0:*:%s\n", hex.EncodeToString([]byte(eicar)))
	must(t, os.WriteFile(filepath.Join(dir, "local.ndb"), []byte(signature), 0o600))
	config := fmt.Sprintf("LocalSocket %s\nDatabaseDirectory %s\nForeground yes\nUser root\nAlertExceedsMax yes\n", socket, dir)
	conf := filepath.Join(dir, "clamd.conf")
	must(t, os.WriteFile(conf, []byte(config), 0o600))

	var out bytes.Buffer
	daemon := exec.CommandContext(t.Context(), program, "--config-file="+conf)
	daemon.Stdout, daemon.Stderr = &out, &out
	must(t, daemon.Start())
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for {
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket); err == nil {
			must(t, conn.Close())
			return socket
		}
		select {
		case <-ticker.C:
		case <-deadline:
			_ = daemon.Process.Kill()
			_ = daemon.Wait()
			t.Fatalf("clamd does not listen:\n%s", out.String())
		}
	}
}
