package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
)

func TestMeter(t *testing.T) {
	start := time.Unix(0, 0)
	m := meter{size: 100 << 20}
	look := func(after time.Duration, want string) {
		t.Helper()
		got, share := m.figures(start.Add(after))
		if strings.Join(strings.Fields(got), " ") != want || len(got) != len("100% of 999.9 MiB 999.9 MiB/s  59:59 left") || share < 0 || share > 1 {
			t.Errorf("after %s: %q, %f; want %q", after, got, share, want)
		}
	}
	m.there(20 << 20)
	look(0, "20% of 100.0 MiB") // what was there before has no speed
	m.pass(10 << 20)
	look(time.Second, "30% of 100.0 MiB 10.0 MiB/s 0:07 left")
	m.pass(-30 << 20)
	look(2*time.Second, "0% of 100.0 MiB 5.0 MiB/s 0:20 left") // it begins again
	look(4*time.Second, "0% of 100.0 MiB 2.5 MiB/s 0:40 left")
	look(7*time.Second, "0% of 100.0 MiB 0 B/s") // it stands still for longer than is looked back at
	m.pass(100 << 20)
	look(8*time.Second, "100% of 100.0 MiB 16.7 MiB/s")
	m.pass(50 << 20) // the file grows
	look(9*time.Second, "100% of 100.0 MiB 30.0 MiB/s")
}

func TestClock(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0:00", 6.4: "0:06", 59.5: "1:00", 3599: "59:59", 3600: "1h00", 7380: "2h03", 1e6: "11d", 1e30: "9999d"} {
		if got := clock(seconds); got != want {
			t.Errorf("clock(%g) = %s, want %s", seconds, got, want)
		}
	}
}

func TestRow(t *testing.T) {
	now := time.Unix(0, 0)
	for name, m := range map[string]*meter{
		"": {}, "a.txt": {size: 1000}, "a name that is much too long for where it is to stand.txt": {size: 1000, done: 500},
		"日本語のとても長いファイル名です.txt": {size: 1 << 40, done: 1 << 40}, "grown": {size: 1, done: 100}, "begun again": {size: 1, done: -100},
	} {
		for _, width := range []int{1, 40, 60, 70, 80, 200} {
			got := row(name, m, width, now)
			if got != row(name, m, width, now) || width >= 80 && runewidth.StringWidth(got) != 79 || strings.Contains(got, "[") != (width >= 80) {
				t.Errorf("%q of %d columns: %q", name, width, got)
			}
		}
	}
	for want, done := range map[string]int64{"[>--------]": 0, "[====>----]": 50, "[=========]": 100} {
		if got := row("x", &meter{size: 100, done: done}, 80, now); !strings.Contains(got, want) {
			t.Errorf("%d of 100: %q", done, got)
		}
	}
}

func TestBars(t *testing.T) {
	var b bars
	ctx, stop := context.WithCancel(t.Context())
	b.expect(ctx, 3, 1000)
	b.all.there(100)
	b.one() // was there already
	quick, slow := b.add("quick", 400, false), b.add("slow", 500, true)
	slow.set(200, 500)
	slow.set(300, 500)
	quick.set(10, 400)
	rows := func(after time.Duration) []string { return b.rows(80, time.Now().Add(after)) }
	if got := rows(0); len(got) != 1 || !strings.HasPrefix(got[0], "1 of 3 files ") || !strings.Contains(got[0], "41% of 1000 B") {
		t.Errorf("at first %q", got)
	}
	quick.end() // cut off: what it lacks is not waited for
	quick.set(20, 400)
	b.one()
	if got := rows(patience); len(got) != 2 || !strings.HasPrefix(got[0], "slow ") || !strings.Contains(got[1], "80% of 1000 B") {
		t.Errorf("then %q", got)
	}
	if b.all.moved != 110 {
		t.Errorf("%d bytes have passed, want 110", b.all.moved)
	}
	stop()
	slow.end()
	if got := rows(patience); len(got) != 1 || !strings.HasPrefix(got[0], "stopping: 2 of 3 ") {
		t.Errorf("at the end %q", got)
	}
}

func TestScreen(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	width, height := 20, 4
	s := &screen{out: out, size: func() (int, int) { return width, height }}
	from := 0
	want := func(text string) {
		t.Helper()
		got, err := os.ReadFile(out.Name())
		if err != nil || string(got[from:]) != text {
			t.Errorf("it wrote %q, want %q; %v", got[from:], text, err)
		}
		from = len(got)
	}
	show := func(lines ...string) { s.draw(func(int) []string { return lines }) }
	show("one", "a line that is longer than that")
	want("\rone\x1b[K\na line that is lon…\x1b[K\n\x1b[J")
	if _, err := s.Write([]byte("inlet: said\n")); err != nil {
		t.Error(err)
	}
	want("\x1b[2A\r\x1b[Jinlet: said\none\na line that is lon…\n")
	width = 10 // the second line takes two now
	show("one")
	want("\x1b[3A\rone\x1b[K\n\x1b[J")
	show("1", "2", "3", "4")
	want("\x1b[1A\r2\x1b[K\n3\x1b[K\n4\x1b[K\n\x1b[J")
	show()
	want("\x1b[3A\r\x1b[J")
}
