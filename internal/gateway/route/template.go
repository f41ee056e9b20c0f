package route

import (
	"errors"
	"net/textproto"
	"strings"
)

// template is a parsed URL template.
type template struct {
	segments []segment
	slash    bool // it ends with a slash
	query    []queryItem
}

// segment is one path segment of a template: literals and parameters in turn.
type segment struct {
	kind  segmentKind
	text  string // lower case; literal: the whole segment, rest: what it begins with
	parts []part // mixed
	name  string // parameter, rest: its name, "" when it has none
	key   string // equal for segments that match the same
}

type segmentKind uint8

const (
	literal   segmentKind = iota // this text
	mixed                        // text and parameters, as in {name}.json
	parameter                    // any one segment
	rest                         // all that is left
)

// part is a literal (lower case) or a parameter of a mixed segment.
type part struct {
	text string
	name string // a parameter when not empty
}

// queryItem is a name of a template's query part. A literal must be there; a
// parameter may be.
type queryItem struct {
	name, value string
	parameter   string // its name; "" for a literal value
}

func parseTemplate(s string) (template, error) {
	var t template
	path, query, _ := strings.Cut(s, "?")
	if strings.ContainsRune(path, '#') {
		return t, errors.New("a fragment (#) never reaches a server; remove it")
	}
	t.slash = len(path) > 1 && strings.HasSuffix(path, "/")
	pieces := strings.Split(strings.Trim(path, "/"), "/")
	for i, piece := range pieces {
		if piece == "" {
			continue
		}
		one, err := parseSegment(piece, i == len(pieces)-1)
		if err != nil {
			return t, err
		}
		t.segments = append(t.segments, one)
	}
	return t, t.parseQuery(query)
}

// parseSegment reads one segment; only the last may match the rest of a path.
func parseSegment(s string, last bool) (segment, error) {
	if before, ok := strings.CutSuffix(s, "*"); ok && !strings.ContainsAny(before, "{}*") {
		if !last {
			if before == "" {
				return segment{kind: parameter, key: "{"}, nil
			}
			return segment{}, errors.New("a wildcard (*) within a path stands alone in its segment")
		}
		text := lower(decode(before))
		return segment{kind: rest, text: text, key: "*" + text}, nil
	}
	if strings.HasPrefix(s, "{*") && strings.HasSuffix(s, "}") && !strings.ContainsAny(s[2:len(s)-1], "{}") {
		if !last {
			return segment{}, errors.New("a wildcard parameter {*name} must be the last segment")
		}
		return segment{kind: rest, name: s[2 : len(s)-1], key: "*"}, nil
	}
	parts, err := parseParts(s)
	switch {
	case err != nil:
		return segment{}, err
	case len(parts) == 1 && parts[0].name == "":
		return segment{kind: literal, text: parts[0].text, key: "=" + parts[0].text}, nil
	case len(parts) == 1:
		return segment{kind: parameter, name: parts[0].name, key: "{"}, nil
	}
	key := "~"
	for _, p := range parts {
		if p.name != "" {
			key += "{}"
		}
		key += p.text
	}
	return segment{kind: mixed, parts: parts, key: key}, nil
}

func parseParts(s string) ([]part, error) {
	var parts []part
	for s != "" {
		open := strings.IndexAny(s, "{}")
		switch {
		case open < 0:
			return append(parts, part{text: lower(decode(s))}), nil
		case s[open] == '}':
			return nil, errors.New("a } has no {")
		case open > 0:
			parts = append(parts, part{text: lower(decode(s[:open]))})
		}
		length := strings.IndexAny(s[open+1:], "{}")
		if length < 0 || s[open+1+length] == '{' {
			return nil, errors.New("a { has no }")
		}
		name := s[open+1 : open+1+length]
		if name == "" || strings.Contains(name, "*") {
			return nil, errors.New("a parameter needs a name without *, and a wildcard parameter stands alone in its segment")
		}
		if len(parts) > 0 && parts[len(parts)-1].name != "" {
			return nil, errors.New("two parameters need text between them")
		}
		parts = append(parts, part{name: name})
		s = s[open+length+2:]
	}
	return parts, nil
}

func (t *template) parseQuery(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		item := queryItem{name: decodeQuery(name)}
		switch {
		case strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") && len(value) > 2:
			item.parameter = value[1 : len(value)-1]
		case strings.HasPrefix(name, "{") && strings.HasSuffix(name, "}") && value == "":
			item.name, item.parameter = decodeQuery(name[1:len(name)-1]), name[1:len(name)-1]
		case strings.ContainsAny(pair, "{}"):
			return errors.New("a query parameter is written name={name}")
		default:
			item.value = decodeQuery(value)
		}
		t.query = append(t.query, item)
	}
	return nil
}

// sameQuery tells whether two templates want the same of a query.
func sameQuery(a, b []queryItem) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || strings.EqualFold(x.name, y.name) && strings.EqualFold(x.value, y.value) && (x.parameter == "") == (y.parameter == "")
		}
		if !found {
			return false
		}
	}
	return true
}

func canonicalName(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }
