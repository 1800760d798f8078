package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// clean makes text from elsewhere harmless to a terminal, and one field of a line: nothing that controls stays.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// size shows bytes to people, in powers of 1024.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefixes := float64(n)/unit, "KMGTPE"
	i := 0
	for ; value >= 999.95 && i < len(prefixes)-1; i++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %ciB", value, prefixes[i])
}

// ago shows people how long ago something was.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "-"
	case d < 0:
		return "in " + span(-d)
	case d < time.Second:
		return "now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{365 * day, "year"}, {30 * day, "month"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= u.unit {
			return plural(int(d/u.unit), u.name)
		}
	}
	return plural(int(d/time.Second), "second")
}

// stamp is a time for programs; empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// life is the value of a flag: a length of time as Go writes it, or with d for days and w for weeks; or a number of seconds.
type life time.Duration

func (l *life) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

// Type implements pflag.Value.
func (l *life) Type() string { return "duration" }

// Set implements pflag.Value.
func (l *life) Set(s string) error {
	d, err := parseLife(s)
	if err != nil {
		return err
	}
	*l = life(d)
	return nil
}

func parseLife(s string) (time.Duration, error) {
	unit := time.Duration(0)
	switch {
	case strings.HasSuffix(s, "d"):
		unit = 24 * time.Hour
	case strings.HasSuffix(s, "w"):
		unit = 7 * 24 * time.Hour
	case strings.TrimRight(s, "0123456789") == "":
		unit, s = time.Second, s+"s"
	}
	var d time.Duration
	if unit == 0 {
		var err error
		if d, err = time.ParseDuration(s); err != nil {
			d = 0
		}
	} else if n, err := strconv.ParseUint(s[:len(s)-1], 10, 31); err == nil {
		d = time.Duration(n) * unit
	}
	if d < time.Second || d%time.Second != 0 {
		return 0, fmt.Errorf("%q is not a length of time in whole seconds, as 90s, 1h30m, 7d or 2w", s)
	}
	return d, nil
}
