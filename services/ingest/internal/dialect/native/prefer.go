package native

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// preference is what a client said in Prefer (RFC 7240) about waiting.
type preference struct {
	wait    time.Duration
	applied string // for Preference-Applied; empty when nothing was asked for
}

// parsePrefer reads respond-async and wait=N (seconds). Anything else, and anything malformed, is ignored, as the RFC has it.
// limit is the longest wait, and the default.
func parsePrefer(h http.Header, limit time.Duration) preference {
	p := preference{wait: limit}
	seen := map[string]bool{}
	for _, item := range strings.Split(strings.Join(h.Values("Prefer"), ","), ",") {
		item, _, _ = strings.Cut(item, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || seen[name] { // the first one counts
			continue
		}
		seen[name] = true
		switch name {
		case "respond-async":
			p = preference{wait: 0, applied: "respond-async"}
			return p
		case "wait":
			n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
			if err != nil {
				continue
			}
			p.wait = min(limit, time.Duration(n)*time.Second)
			p.applied = "wait=" + strconv.Itoa(int(p.wait/time.Second))
		}
	}
	return p
}
