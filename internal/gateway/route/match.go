package route

import (
	"slices"
	"strings"
)

// Match finds the API and operation of a request; see Match for the result.
// Matched parameters are appended to parameters.
//
// The API with the longest path wins, segment by segment and in any letter
// case, if a version and revision of it fit the request. Within the API, at
// each segment, literal text comes before text with parameters, that before a
// parameter, and that before a wildcard; templates without an operation for
// the verb are passed over. Of templates with equal paths the one of whose
// query part most is in the request wins.
func (t *Table) Match(r *Request, parameters []Parameter) Match {
	result := Match{Outcome: NoAPI, APIIndex: -1, OperationIndex: -1, Parameters: parameters}
	path, ok := Clean(r.Path)
	if !ok {
		return result
	}
	v, end := t.root.find(r, path, 0, true)
	if v == nil {
		return result
	}
	result.API, result.APIIndex, result.Rest = v.api, v.index, path[end:]
	m := matcher{request: r, path: result.Rest, slash: len(result.Rest) > 1 && strings.HasSuffix(result.Rest, "/"), parameters: parameters}
	l := m.walk(v.root, 0)
	switch {
	case l != nil:
		result.Outcome, result.Operation, result.OperationIndex = Found, l.operation, l.index
		result.Parameters = m.finish(l, len(parameters))
	case m.otherVerb:
		result.Outcome = MethodNotAllowed
		m.collecting = true
		m.walk(v.root, 0)
		slices.Sort(m.allowed)
		result.Allowed = slices.Compact(m.allowed)
	default:
		result.Outcome = NoOperation
	}
	return result
}

// find goes down the API paths as far as the request's path does, and back
// until an API fits. end is where the API's path ends in path.
func (n *apiNode) find(r *Request, path string, pos int, root bool) (v *variant, end int) {
	segment, _, next := nextSegment(path, pos)
	if segment != "" {
		if c := lookup(n.children, segment); c != nil {
			if v, end := c.find(r, path, next, false); v != nil {
				return v, end
			}
		}
		if name, revision, ok := cutRevision(segment); ok {
			c := n
			if name != "" || !root {
				c = lookup(n.children, name)
			}
			if c != nil {
				if v := c.choose(r, revision); v != nil {
					return v, next
				}
			}
		}
	}
	return n.choose(r, ""), pos
}

// cutRevision splits "name;rev=2".
func cutRevision(segment string) (name, revision string, ok bool) {
	at := strings.LastIndexByte(segment, ';')
	if at < 0 || len(segment) < at+6 || !strings.EqualFold(segment[at:at+5], ";rev=") {
		return "", "", false
	}
	return segment[:at], segment[at+5:], true
}

// choose picks the version that the request names; the unversioned API when it
// names none. revision "" is the current one.
func (n *apiNode) choose(r *Request, revision string) *variant {
	var original *variant
	named := false
	for _, v := range n.variants {
		asked := ""
		switch v.scheme {
		case byHeader:
			if values := r.Header[v.name]; len(values) > 0 {
				asked = values[0]
			}
		case byQuery:
			asked, _ = queryValue(r.RawQuery, v.name)
		}
		named = named || asked != ""
		switch {
		case revision == "" && !v.current, revision != "" && v.api.Revision != revision:
		case v.scheme == byPath:
			original = v
		case strings.EqualFold(asked, v.version):
			return v
		}
	}
	if named {
		return nil
	}
	return original
}

// queryValue finds a parameter of a raw query, by name in any letter case.
func queryValue(query, name string) (value string, ok bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(decodeQuery(key), name) {
			return decodeQuery(value), true
		}
	}
	return "", false
}

// matcher walks the template tree of one API for one request.
type matcher struct {
	request    *Request
	path       string // below the API
	slash      bool   // it ends with a slash
	parameters []Parameter
	otherVerb  bool     // a template fits, its verb does not
	collecting bool     // second walk: only to list verbs
	allowed    []string // of the second walk
}

// walk returns the operation for the path from pos on, nil without one.
// Values are appended to parameters without names.
func (m *matcher) walk(n *node, pos int) *leaf {
	segment, start, end := nextSegment(m.path, pos)
	if segment == "" {
		if l := m.pick(n.leaves); l != nil {
			return l
		}
		return m.walkRests(n, "", start)
	}
	if c := lookup(n.literals, segment); c != nil {
		if l := m.walk(c, end); l != nil {
			return l
		}
	}
	kept := len(m.parameters)
	if len(n.mixed) > 0 {
		text := decode(segment)
		for i := range n.mixed {
			if m.capture(n.mixed[i].parts, text) {
				if l := m.walk(n.mixed[i].node, end); l != nil {
					return l
				}
			}
			m.parameters = m.parameters[:kept]
		}
	}
	if n.parameter != nil {
		m.parameters = append(m.parameters, Parameter{Value: segment})
		if l := m.walk(n.parameter, end); l != nil {
			return l
		}
		m.parameters = m.parameters[:kept]
	}
	return m.walkRests(n, segment, start)
}

// walkRests tries the wildcards of a node on all that is left.
func (m *matcher) walkRests(n *node, segment string, start int) *leaf {
	for i := range n.rests {
		c := &n.rests[i]
		if c.text != "" && !hasPrefixFold(decode(segment), c.text) {
			continue
		}
		if l := m.pick(c.leaves); l != nil {
			m.parameters = append(m.parameters, Parameter{Value: m.path[start:]})
			return l
		}
	}
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalLower(s[:len(prefix)], prefix)
}

// equalLower compares s in lower case with text that is.
func equalLower(s, text string) bool {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != text[i] {
			return false
		}
	}
	return true
}

// capture matches a decoded segment against text and parameters in turn. A
// parameter takes at least a byte and as little as it can.
func (m *matcher) capture(parts []part, s string) bool {
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		if p.name == "" { // only the first: the others are found from the parameter before
			if !hasPrefixFold(s, p.text) {
				return false
			}
			s = s[len(p.text):]
			continue
		}
		length := len(s)
		if i+1 < len(parts) {
			length = parameterLength(s, parts[i+1].text, i+2 == len(parts))
		}
		if length < 1 {
			return false
		}
		m.parameters = append(m.parameters, Parameter{Value: s[:length]})
		s = s[length:]
	}
	return s == ""
}

// parameterLength is how many bytes stand before text, -1 when text is not
// there. The last text must end the segment.
func parameterLength(s, text string, last bool) int {
	if last {
		at := len(s) - len(text)
		if at < 1 || !equalLower(s[at:], text) {
			return -1
		}
		return at
	}
	for at := 1; at+len(text) <= len(s); at++ {
		if equalLower(s[at:at+len(text)], text) {
			return at
		}
	}
	return -1
}

// pick chooses among the operations whose templates have the same path.
func (m *matcher) pick(leaves []*leaf) *leaf {
	var best *leaf
	bestRank := -1
	for _, l := range leaves {
		found, ok := m.query(l.template.query)
		if !ok {
			continue
		}
		if m.collecting {
			m.allowed = append(m.allowed, l.method)
			continue
		}
		rank := found << 2
		switch l.method {
		case m.request.Method:
			rank |= 2
		case "*":
		default:
			m.otherVerb = true
			continue
		}
		if l.template.slash == m.slash {
			rank |= 1
		}
		// With the same rank, fewer unmet wishes are better, then the first.
		if rank > bestRank || rank == bestRank && len(l.template.query) < len(best.template.query) {
			best, bestRank = l, rank
		}
	}
	return best
}

// query counts the items of a template's query part that the request has; ok
// is false when a literal one is missing.
func (m *matcher) query(items []queryItem) (found int, ok bool) {
	for i := range items {
		value, there := queryValue(m.request.RawQuery, items[i].name)
		switch {
		case items[i].parameter == "" && (!there || !strings.EqualFold(value, items[i].value)):
			return 0, false
		case there:
			found++
		}
	}
	return found, true
}

// finish names and decodes the values from index from on and adds those of the query.
func (m *matcher) finish(l *leaf, from int) []Parameter {
	out := from
	next := from
	for i := range l.template.segments {
		s := &l.template.segments[i]
		switch s.kind {
		case parameter, rest:
			value := m.parameters[next].Value
			next++
			if s.name != "" {
				m.parameters[out] = Parameter{s.name, decode(value)}
				out++
			}
		case mixed:
			for _, p := range s.parts {
				if p.name != "" {
					m.parameters[out] = Parameter{p.name, m.parameters[next].Value}
					out, next = out+1, next+1
				}
			}
		}
	}
	parameters := m.parameters[:out]
	for _, item := range l.template.query {
		if item.parameter == "" {
			continue
		}
		if value, ok := queryValue(m.request.RawQuery, item.name); ok {
			parameters = append(parameters, Parameter{item.parameter, value})
		}
	}
	return parameters
}
