package backend

import (
	"net/textproto"
	"strings"
)

// isHop tells whether a header (canonical name) concerns one connection only.
func isHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings":
		return true
	}
	return false
}

// RemoveHopByHop deletes the hop-by-hop headers of a message and those that
// its Connection header names. A gateway calls it when a request arrives,
// before policies add headers: otherwise a client could name a header in
// Connection that a policy sets, and so take it off.
func RemoveHopByHop(h map[string][]string) {
	for _, name := range connectionTokens(h) {
		delete(h, name)
	}
	for name := range h {
		if isHop(name) {
			delete(h, name)
		}
	}
}

// connectionTokens lists the canonical names in the Connection header.
func connectionTokens(h map[string][]string) []string {
	values := h["Connection"]
	if len(values) == 0 {
		return nil
	}
	var names []string
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			if token = strings.Trim(token, " \t"); token != "" {
				names = append(names, textproto.CanonicalMIMEHeaderKey(token))
			}
		}
	}
	return names
}

// hasToken tells whether a comma-separated list header has token; any letter case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for v != "" {
			one, rest, _ := strings.Cut(v, ",")
			if strings.EqualFold(strings.Trim(one, " \t"), token) {
				return true
			}
			v = rest
		}
	}
	return false
}

// WantsTrailers tells whether the sender of a request takes trailers.
func WantsTrailers(h map[string][]string) bool { return hasToken(h["Te"], "trailers") }

// PassesTrailer tells whether a field (canonical name) may be passed on in a
// trailer.
func PassesTrailer(name string) bool { return !isForbiddenTrailer(name) }

// UpgradeType is the protocol that a request or a 101 response switches to,
// "" when it does not. HTTP/2 (h2c) is none: inside such a connection a client
// could send requests that no policy sees.
func UpgradeType(h map[string][]string) string {
	v := h["Upgrade"]
	if len(v) != 1 || !hasToken(h["Connection"], "upgrade") || !isProtocol(v[0]) {
		return ""
	}
	return v[0]
}

// isProtocol tells whether s is one protocol, such as websocket or name/1.0,
// and no version of HTTP.
func isProtocol(s string) bool {
	name, version, versioned := strings.Cut(s, "/")
	if !isToken(name) || versioned && !isToken(version) {
		return false
	}
	return !strings.HasPrefix(strings.ToLower(name), "h2") && !strings.EqualFold(name, "http")
}
