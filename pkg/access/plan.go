package access

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Unlimited is the value of a size limit that there is none: no file reaches it.
const Unlimited int64 = math.MaxInt64

// Limits are what a tenant's plan allows.
type Limits struct {
	MaxFile    int64 // bytes of one file; Unlimited for no limit
	MaxStorage int64 // bytes of all files together; Unlimited for no limit
	Rate       Rate  // of requests, for each API key
}

// Rate bounds requests in three windows at once. A zero is no bound.
type Rate struct {
	PerMinute int64
	PerHour   int64
	PerDay    int64
}

// Times is a rate with n times as many requests in each window.
func (r Rate) Times(n int64) Rate {
	return Rate{PerMinute: n * r.PerMinute, PerHour: n * r.PerHour, PerDay: n * r.PerDay}
}

// planUnlimited is the plan of a tenant for which the directory file names none.
const planUnlimited = "unlimited"

// plans are tagd-ai's, by the limits that its pages state. MB and GB are powers of ten.
var plans = map[string]Limits{
	"pro":         {MaxFile: 100e6, MaxStorage: 1e9, Rate: Rate{PerMinute: 60, PerHour: 1_000, PerDay: 10_000}},
	"enterprise":  {MaxFile: 500e6, MaxStorage: 10e9, Rate: Rate{PerMinute: 300, PerHour: 5_000, PerDay: 100_000}},
	planUnlimited: {MaxFile: Unlimited, MaxStorage: Unlimited},
}

var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

var errSize = errors.New("a size is a positive whole number with B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024), or unlimited")

// parseSize reads a size as in 100MB, 1 GiB or 1048576. The case of the unit does not matter.
func parseSize(s string) (int64, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	digits := strings.TrimRight(s, "BbIiKkMmGgTt ")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, known := sizeUnits[strings.ToUpper(strings.TrimSpace(s[len(digits):]))]
	if err != nil || !known || n <= 0 || digits[0] == '+' {
		return 0, errSize
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("a size of at most %d bytes", Unlimited)
	}
	return n * unit, nil
}
