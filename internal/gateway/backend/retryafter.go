package backend

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads a response's Retry-After header, seconds or a date; 0
// without one that lies ahead.
func RetryAfter(h map[string][]string, now time.Time) time.Duration {
	values := h["Retry-After"]
	if len(values) == 0 {
		return 0
	}
	text := strings.TrimSpace(values[0])
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
