package route

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// The reference matcher below looks at every operation of every API, with
// regular expressions and sorting, and shares nothing with the table but Clean
// and the reading of templates.

func referenceMatch(s *apim.Service, r *Request) Match {
	none := Match{Outcome: NoAPI, APIIndex: -1, OperationIndex: -1}
	path, ok := Clean(r.Path)
	if !ok {
		return none
	}
	best, bestDepth := -1, -1
	rest := ""
	for i, api := range s.APIs {
		want := splitPath(strings.ToLower(api.Path))
		end, depth, fits := prefixEnd(path, want)
		if fits && depth > bestDepth {
			best, bestDepth, rest = i, depth, path[end:]
		}
	}
	if best < 0 {
		return none
	}
	m := Match{Outcome: NoOperation, API: s.APIs[best], APIIndex: best, OperationIndex: -1, Rest: rest}
	referenceOperation(&m, r)
	return m
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func foldDecode(s string) string {
	for i := range s {
		if s[i] == '%' {
			if d, err := url.PathUnescape(s); err == nil {
				s = d
			} else {
				s = decode(s)
			}
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 32
		}
		return r
	}, s)
}

// prefixEnd is where the segments want end in path.
func prefixEnd(path string, want []string) (end, depth int, ok bool) {
	at := 0
	for _, w := range want {
		for at < len(path) && path[at] == '/' {
			at++
		}
		stop := strings.IndexByte(path[at:]+"/", '/') + at
		if stop == at || foldDecode(path[at:stop]) != w {
			return 0, 0, false
		}
		at = stop
	}
	return at, len(want), true
}

type candidate struct {
	index      int
	rank       []string // compared in turn
	parameters []Parameter
}

func referenceOperation(m *Match, r *Request) {
	segments := splitPath(m.Rest)
	slash := len(m.Rest) > 1 && strings.HasSuffix(m.Rest, "/")
	firsts := map[string]int{}
	var fits []candidate
	for i, op := range m.API.Operations {
		t, err := parseTemplate(op.URLTemplate)
		if err != nil {
			continue
		}
		c, ok := referenceFit(t, segments, slash, i, firsts)
		if !ok {
			continue
		}
		found, ok := referenceQuery(t, r.RawQuery, &c)
		if !ok {
			continue
		}
		if op.Method != r.Method && op.Method != "*" {
			m.Outcome = max(m.Outcome, MethodNotAllowed)
			m.Allowed = append(m.Allowed, op.Method)
			continue
		}
		score := 100 - found*4
		if op.Method == r.Method {
			score -= 2
		}
		if t.slash == slash {
			score--
		}
		c.rank = append(c.rank, fmt.Sprintf("!%03d %02d %04d", score, len(t.query), i))
		fits = append(fits, c)
	}
	if len(fits) == 0 {
		slices.Sort(m.Allowed)
		m.Allowed = slices.Compact(m.Allowed)
		return
	}
	best := slices.MinFunc(fits, func(a, b candidate) int { return slices.Compare(a.rank, b.rank) })
	m.Outcome, m.Allowed = Found, nil
	m.Operation, m.OperationIndex, m.Parameters = m.API.Operations[best.index], best.index, best.parameters
}

// referenceFit matches the segments of a template one by one.
func referenceFit(t template, segments []string, slash bool, index int, firsts map[string]int) (candidate, bool) {
	c := candidate{index: index}
	prefix := ""
	ok := true
	var raw string // the joined rest is only right without empty segments: tests make none
	for i, s := range t.segments {
		prefix += "/" + s.key
		if _, seen := firsts[prefix]; !seen {
			firsts[prefix] = index
		}
		if s.kind == rest {
			if i > len(segments) {
				return c, false
			}
			if raw = strings.Join(segments[i:], "/"); slash && i < len(segments) {
				raw += "/"
			}
			if s.text != "" && (i == len(segments) || !strings.HasPrefix(foldDecode(segments[i]), s.text)) {
				ok = false
			}
			c.rank = append(c.rank, fmt.Sprintf("3 %03d", 999-len(s.text)))
			if s.name != "" {
				c.parameters = append(c.parameters, Parameter{s.name, decode(raw)})
			}
			return c, ok
		}
		if i >= len(segments) {
			ok = false
			continue
		}
		ok = referenceSegment(s, segments[i], firsts[prefix], &c) && ok
	}
	return c, ok && len(segments) == len(t.segments)
}

func referenceSegment(s segment, text string, first int, c *candidate) bool {
	switch s.kind {
	case literal:
		c.rank = append(c.rank, "0")
		return foldDecode(text) == s.text
	case parameter:
		c.rank = append(c.rank, "2")
		if s.name != "" {
			c.parameters = append(c.parameters, Parameter{s.name, decode(text)})
		}
		return true
	}
	pattern, size := "(?is)^", 0
	for i, p := range s.parts {
		switch {
		case p.name == "":
			pattern += regexp.QuoteMeta(p.text)
			size += len(p.text)
		case i == len(s.parts)-1:
			pattern += "(.+)"
		default:
			pattern += "(.+?)"
		}
	}
	c.rank = append(c.rank, fmt.Sprintf("1 %03d %04d", 999-size, first))
	found := regexp.MustCompile(pattern + "$").FindStringSubmatch(decode(text))
	if found == nil {
		return false
	}
	at := 1
	for _, p := range s.parts {
		if p.name != "" {
			c.parameters = append(c.parameters, Parameter{p.name, found[at]})
			at++
		}
	}
	return true
}

func referenceQuery(t template, raw string, c *candidate) (found int, ok bool) {
	type pair struct{ name, value string }
	var pairs []pair
	for _, one := range strings.Split(raw, "&") {
		if one != "" {
			name, value, _ := strings.Cut(one, "=")
			pairs = append(pairs, pair{decodeQuery(name), decodeQuery(value)})
		}
	}
	for _, item := range t.query {
		at := slices.IndexFunc(pairs, func(p pair) bool { return strings.EqualFold(p.name, item.name) })
		switch {
		case item.parameter == "" && (at < 0 || !strings.EqualFold(pairs[at].value, item.value)):
			return 0, false
		case at >= 0:
			found++
			if item.parameter != "" {
				c.parameters = append(c.parameters, Parameter{item.parameter, pairs[at].value})
			}
		}
	}
	return found, true
}

// randomService makes APIs and templates of few words, so that many compete.
func randomService(random *rand.Rand) *apim.Service {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	s := &apim.Service{}
	paths := []string{"", "a", "a/b", "b", "a/b/c", "A/c"}
	random.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for i := range 1 + random.IntN(4) {
		api := &apim.API{ID: fmt.Sprint("api", i), Path: paths[i], IsCurrent: true}
		for o := range 1 + random.IntN(10) {
			template := ""
			for range random.IntN(4) {
				template += "/" + pick("a", "b", "B", "c", "{x}", "{y}", "a{x}", "{x}.b", "{x}-{y}", "a.b", "{x}.b.b")
			}
			switch random.IntN(6) {
			case 0:
				template += "/" + pick("*", "{*rest}", "a*", "b*")
			case 1:
				template += "/"
			}
			template += pick("", "", "", "?q={q}", "?q=1", "?q=1&r={r}")
			api.Operations = append(api.Operations, &apim.Operation{ID: fmt.Sprint("o", o), Method: pick("GET", "POST", "*"), URLTemplate: template})
		}
		s.APIs = append(s.APIs, api)
	}
	return s
}

func randomPath(random *rand.Rand) string {
	words := []string{"a", "b", "c", "A", "%61", "a.b", "x-y", "a.b.b", "ab", "-", "a%2Fb", "a%20b.b"}
	path := ""
	for range random.IntN(6) {
		path += "/" + words[random.IntN(len(words))]
	}
	if random.IntN(5) == 0 {
		path += "/"
	}
	return path
}

func compare(t *testing.T, s *apim.Service, r *Request) {
	t.Helper()
	table, err := Compile(s)
	if err != nil {
		return // clashing templates
	}
	got, want := table.Match(r, nil), referenceMatch(s, r)
	if got.Outcome != want.Outcome || got.APIIndex != want.APIIndex || got.OperationIndex != want.OperationIndex || got.Rest != want.Rest ||
		!slices.Equal(got.Parameters, want.Parameters) || !slices.Equal(got.Allowed, want.Allowed) {
		for _, api := range s.APIs {
			for _, op := range api.Operations {
				t.Logf("%s /%s: %s %s %s", api.ID, api.Path, op.ID, op.Method, op.URLTemplate)
			}
		}
		t.Fatalf("%s %s?%s\ngot  %s rest %q\nwant %s rest %q", r.Method, r.Path, r.RawQuery, describe(got), got.Rest, describe(want), want.Rest)
	}
}

func TestMatchAgreesWithTheReference(t *testing.T) {
	for seed := range uint64(20_000) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := randomService(random)
		query := []string{"", "q=1", "Q=1&r=2", "q=2", "r=1"}[random.IntN(5)]
		method := []string{"GET", "POST", "PUT"}[random.IntN(3)]
		compare(t, s, &Request{Method: method, Path: randomPath(random), RawQuery: query})
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(uint64(1), "/a/b/c", "q=1")
	f.Add(uint64(2), "/a/%2e%2e/b", "q=%31&r=+")
	f.Add(uint64(3), "/a;rev=1/b", "")
	f.Fuzz(func(t *testing.T, seed uint64, path, query string) {
		s := randomService(rand.New(rand.NewPCG(seed, 1)))
		r := &Request{Method: "GET", Path: path, RawQuery: query}
		table, err := Compile(s)
		if err != nil {
			return
		}
		m := table.Match(r, nil)
		if cleaned, ok := Clean(path); ok {
			if again, ok := Clean(cleaned); !ok || again != cleaned {
				t.Fatalf("cleaning %q twice gives %q and %q", path, cleaned, again)
			}
		}
		if m.API != nil && m.Rest != "" && m.Rest[0] != '/' {
			t.Fatalf("rest %q of %q", m.Rest, path)
		}
		if strings.Contains(path, "//") || strings.Contains(strings.ToLower(path), ";rev=") || !isASCII(path) {
			return // the reference joins segments by one slash and knows no revisions
		}
		compare(t, s, r)
	})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 126 || s[i] == '%' && i+1 < len(s) && strings.IndexByte("89abcdefABCDEF", s[i+1]) >= 0 {
			return false
		}
	}
	return true
}
