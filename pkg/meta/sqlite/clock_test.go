package sqlite

import (
	"testing"
	"time"
)

// A host whose clock is set back between two starts does not take the records back with it.
func TestClockOutlivesTheProcess(t *testing.T) {
	c := Config{Path: temp(t)}
	s := open(t, c)
	ahead := s.Now().Add(time.Hour)
	if err := (hostClock{s}).SetMark(t.Context(), ahead); err != nil {
		t.Fatal(err)
	}
	look := open(t, Config{Path: c.Path, ReadOnly: true}) // before s leaves its own mark
	if now := look.Now(); now.Before(ahead.Truncate(time.Microsecond)) {
		t.Errorf("a reader starts at %s, before %s", now, ahead)
	}
	if err := look.Close(); err != nil { // which must not need to write
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := s.Now().Truncate(time.Microsecond)
	s = open(t, c)
	if now := s.Now(); now.Sub(last).Abs() > time.Minute {
		t.Errorf("it ended at %s and starts at %s", last, now)
	}
	if err := (hostClock{s}).SetMark(t.Context(), ahead); err != nil {
		t.Fatal(err)
	}
	if err := s.lock.Close(); err != nil { // as a process that was killed
		t.Fatal(err)
	}
	again := open(t, c)
	if now := again.Now(); now.Before(ahead.Truncate(time.Microsecond)) {
		t.Errorf("after a crash it starts at %s, before %s", now, ahead)
	}
}
