package backend

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// appendRequest writes the head of a request from its parsed fields: exactly
// one Content-Length where there is or could be a body, never a
// Transfer-Encoding, no hop-by-hop fields.
func appendRequest(b []byte, r *http.Request) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, ' ')
	path := r.URL.EscapedPath()
	if path == "" || path[0] != '/' {
		b = append(b, '/')
	}
	b = append(b, path...)
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(b, '?')
		b = append(b, r.URL.RawQuery...)
	}
	if !isTarget(path) || !isTarget(r.URL.RawQuery) {
		return b, fmt.Errorf("%w: its path or query has a space or a control character", ErrRequest)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	if r.Host != "" {
		b = append(b, r.Host...)
	} else {
		b = append(b, r.URL.Host...)
	}
	b = append(b, "\r\n"...)
	b, err := appendFields(b, r.Header)
	if err != nil {
		return b, err
	}
	if hasBody(r) || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH" {
		length := int64(0)
		if hasBody(r) {
			length = r.ContentLength
		}
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// appendFields writes the header fields that concern the backend.
func appendFields(b []byte, h http.Header) ([]byte, error) {
	named := connectionTokens(h)
	for name, values := range h {
		if isHop(name) || name == "Host" || name == "Content-Length" || slices.Contains(named, name) {
			continue
		}
		if !isToken(name) {
			return b, fmt.Errorf("%w: a header name is not a token", ErrRequest)
		}
		if isFramingName(name) { // in a letter case that is not canonical
			continue
		}
		for _, v := range values {
			if !isFieldValue(v) {
				return b, fmt.Errorf("%w: the value of header %s has a control character", ErrRequest, name)
			}
			if v == "" && name == "User-Agent" {
				continue // net/http's way to send none
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return b, nil
}

// isFramingName tells whether a header, in any letter case, would change where
// a message ends or which host it is for.
func isFramingName(name string) bool {
	canonical := http.CanonicalHeaderKey(name)
	return canonical != name && (isHop(canonical) || canonical == "Host" || canonical == "Content-Length")
}
