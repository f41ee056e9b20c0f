package statement

import "strings"

// media is what a content type says about a body.
type media uint8

const (
	otherMedia media = iota
	jsonMedia
	xmlMedia
)

// mediaOf reads a content type such as application/problem+json; charset=utf-8.
func mediaOf(contentType string) media {
	kind, _, _ := strings.Cut(contentType, ";")
	_, sub, ok := strings.Cut(strings.ToLower(strings.TrimSpace(kind)), "/")
	switch {
	case !ok:
		return otherMedia
	case sub == "json" || strings.HasSuffix(sub, "+json"):
		return jsonMedia
	case sub == "xml" || strings.HasSuffix(sub, "+xml"):
		return xmlMedia
	}
	return otherMedia
}

// accepts tells whether an Accept header names a kind of body; wildcards name
// none.
func accepts(accept []string, want media) bool {
	for _, line := range accept {
		for _, part := range strings.Split(line, ",") {
			if mediaOf(part) == want {
				return true
			}
		}
	}
	return false
}
