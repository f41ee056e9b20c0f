package route

import "strings"

// lower makes ASCII letters small; the rest of Azure's paths is compared as it is.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// decode resolves %XX; what is no escape stays. It allocates only if there is one.
func decode(s string) string { return unescape(s, false) }

// decodeQuery also makes + a space.
func decodeQuery(s string) string { return unescape(s, true) }

func unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plus:
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			b = append(b, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// lookup finds a segment, as it stands in a path, in a map by lower-case text,
// without allocating for a short one.
func lookup[N any](m map[string]*N, segment string) *N {
	if m == nil {
		return nil
	}
	if n := m[segment]; n != nil {
		return n
	}
	if strings.IndexByte(segment, '%') >= 0 {
		return m[lower(decode(segment))]
	}
	var buffer [128]byte
	if len(segment) > len(buffer) {
		return m[lower(segment)]
	}
	changed := false
	for i := range len(segment) {
		c := segment[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
			changed = true
		}
		buffer[i] = c
	}
	if !changed {
		return nil
	}
	return m[string(buffer[:len(segment)])]
}

// nextSegment gives the segment at or behind pos, "" at the end of the path.
// Empty segments are skipped: a doubled slash must not lead around an operation.
func nextSegment(path string, pos int) (segment string, start, end int) {
	for pos < len(path) && path[pos] == '/' {
		pos++
	}
	end = pos
	for end < len(path) && path[end] != '/' {
		end++
	}
	return path[pos:end], pos, end
}

// Clean resolves dot segments, also escaped ones, of an escaped path. A ".."
// above the root stays at the root. ok is false for a path that hides a dot
// segment behind an escaped slash or a backslash: backends differ in what they
// make of it, so no API can be responsible.
func Clean(path string) (cleaned string, ok bool) {
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	dots := false
	for pos := 0; pos < len(path); {
		segment, _, end := nextSegment(path, pos)
		switch dotsOf(segment) {
		case hidden:
			return "", false
		case here, up:
			dots = true
		}
		pos = max(end, pos+1)
	}
	if !dots {
		return path, true
	}
	return resolve(path), true
}

type dotKind uint8

const (
	noDots dotKind = iota
	here           // .
	up             // ..
	hidden         // a dot segment within a segment
)

// dotsOf tells what a segment does. "..;x" counts as "..": servers that know
// path parameters cut them off first.
func dotsOf(segment string) dotKind {
	if strings.IndexByte(segment, '.') < 0 && !strings.Contains(segment, "%2") {
		return noDots
	}
	text := decode(segment)
	name, _, _ := strings.Cut(text, ";")
	switch name {
	case ".":
		return here
	case "..":
		return up
	}
	if !strings.Contains(text, "..") || !strings.ContainsAny(text, `/\`) {
		return noDots
	}
	for piece := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || r == '\\' }) {
		if name, _, _ := strings.Cut(piece, ";"); name == ".." {
			return hidden
		}
	}
	return noDots
}

// resolve takes dot segments out, the way of RFC 3986, section 5.2.4.
func resolve(path string) string {
	segments := strings.Split(path[1:], "/")
	out := make([]string, 0, len(segments))
	for i, segment := range segments {
		last := i == len(segments)-1
		switch dotsOf(segment) {
		case up:
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		case here:
		default:
			out = append(out, segment)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}
