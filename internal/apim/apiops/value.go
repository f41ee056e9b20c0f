package apiops

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// str reads text; numbers and booleans count as their text.
func (l *loader) str(n *node, path ...string) string {
	v := n.get(path...)
	switch v.kind {
	case object, array:
		l.fail(v.at, "%s must be text", strings.Join(path, "."))
		return ""
	}
	return v.text
}

// date reads a date and time, the zero time when there is none.
func (l *loader) date(n *node, name string) time.Time {
	text := l.str(n, name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	l.fail(n.get(name).at, "%s must be a date and time such as 2026-01-31T00:00:00Z", name)
	return time.Time{}
}

func (l *loader) boolean(n *node, fallback bool, path ...string) bool {
	v := n.get(path...)
	switch {
	case v.kind == null:
		return fallback
	case strings.EqualFold(v.text, "true"):
		return true
	case strings.EqualFold(v.text, "false"):
		return false
	}
	l.fail(v.at, "%s must be true or false", strings.Join(path, "."))
	return fallback
}

// integer reads a whole number between low and high.
func (l *loader) integer(n *node, fallback, low, high int, path ...string) int {
	v := n.get(path...)
	if v.kind == null {
		return fallback
	}
	i, err := strconv.Atoi(v.text)
	if err != nil || i < low || i > high {
		l.fail(v.at, "%s must be a whole number from %d to %d", strings.Join(path, "."), low, high)
		return fallback
	}
	return i
}

// enum reads one of the allowed words, in their spelling.
func (l *loader) enum(n *node, fallback string, allowed []string, path ...string) string {
	v := n.get(path...)
	if v.kind == null || (v.kind == text && v.text == "") {
		return fallback
	}
	for _, a := range allowed {
		if v.kind == text && strings.EqualFold(v.text, a) {
			return a
		}
	}
	l.fail(v.at, "%s is %q; it must be one of %s", strings.Join(path, "."), clip(v.text), strings.Join(allowed, ", "))
	return fallback
}

func (l *loader) strings(n *node, path ...string) []string {
	v := n.get(path...)
	switch v.kind {
	case null:
		return nil
	case text:
		return []string{v.text}
	case array:
		var out []string
		for _, item := range v.list {
			out = append(out, l.str(item))
		}
		return out
	}
	l.fail(v.at, "%s must be a list of texts", strings.Join(path, "."))
	return nil
}

// list gives the items of an array, nil when it is missing.
func (l *loader) list(n *node, path ...string) []*node {
	v := n.get(path...)
	if v.kind != array && v.kind != null {
		l.fail(v.at, "%s must be a list", strings.Join(path, "."))
	}
	return v.list
}

// urlSchemes are those of backends; a request to a WebSocket or gRPC address is
// an HTTP request.
var urlSchemes = []string{"http", "https", "ws", "wss", "grpc", "grpcs"}

// absoluteURL reads a URL that must be absolute when it is given. Named values
// in it are resolved.
func (l *loader) absoluteURL(n *node, path ...string) string {
	v := n.get(path...)
	s := l.resolve(v, l.str(n, path...))
	if s == "" {
		return ""
	}
	// The value may come from a secret named value: it is not shown.
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains(urlSchemes, u.Scheme) {
		l.fail(v.at, "%s must be an absolute URL such as https://host/path", strings.Join(path, "."))
		return ""
	}
	return s
}

var (
	isoDuration  = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$`)
	timeSpan     = regexp.MustCompile(`^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?$`)
	durationUnit = []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second}
)

// seconds reads an ISO 8601 duration (PT30S) or a time span (00:00:30).
func (l *loader) seconds(n *node, fallback int, path ...string) int {
	v := n.get(path...)
	if v.kind == null {
		return fallback
	}
	total, err := parseDuration(v.text)
	if err != nil {
		l.fail(v.at, "%s %v", strings.Join(path, "."), err)
		return fallback
	}
	return int(total / time.Second)
}

func parseDuration(s string) (time.Duration, error) {
	parts := isoDuration.FindStringSubmatch(s)
	if parts != nil {
		parts = parts[1:]
	} else if parts = timeSpan.FindStringSubmatch(s); parts != nil {
		parts[0] = ""
	}
	if parts == nil || strings.Join(parts, "") == "" {
		return 0, fmt.Errorf("is %q; it must be an ISO 8601 duration such as PT30S", clip(s))
	}
	var total time.Duration
	for i, part := range parts {
		if part == "" {
			continue
		}
		count, err := strconv.Atoi(part)
		if err != nil || count > 1_000_000 {
			return 0, fmt.Errorf("is %q, which is too long", clip(s))
		}
		total += time.Duration(count) * durationUnit[i]
	}
	return total, nil
}

// lastSegment is the name at the end of a reference: "/loggers/x", a whole ARM
// id, or the bare name.
func lastSegment(ref string) string {
	ref = strings.TrimRight(ref, "/")
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}
