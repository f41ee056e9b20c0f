package expr

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// regexEngine finds matches as byte offsets in pairs: the whole match, then the
// groups in .NET's order, -1 for a group that took no part.
type regexEngine interface {
	isMatch(s string) bool
	all(s string, n int) [][]int
	groups() []string // names by number, "" for unnamed ones
}

// linearEngine runs in linear time; it takes most patterns.
type linearEngine struct {
	re    *regexp.Regexp
	order []int // .NET group number -> own number; nil: the same
	names []string
}

func newLinearEngine(re *regexp.Regexp) *linearEngine {
	e := &linearEngine{re: re, names: re.SubexpNames()}
	var unnamed, named []int
	for i, name := range e.names[1:] {
		if name == "" {
			unnamed = append(unnamed, i+1)
		} else {
			named = append(named, i+1)
		}
	}
	if len(unnamed) > 0 && len(named) > 0 { // .NET numbers named groups after the others
		e.order = append(append([]int{0}, unnamed...), named...)
		names := make([]string, len(e.order))
		for i, own := range e.order {
			names[i] = re.SubexpNames()[own]
		}
		e.names = names
	}
	return e
}

func (e *linearEngine) isMatch(s string) bool { return e.re.MatchString(s) }

func (e *linearEngine) groups() []string { return e.names }

func (e *linearEngine) all(s string, n int) [][]int {
	found := e.re.FindAllStringSubmatchIndex(s, n)
	if e.order == nil {
		return found
	}
	for i, loc := range found {
		out := make([]int, len(loc))
		for number, own := range e.order {
			out[2*number], out[2*number+1] = loc[2*own], loc[2*own+1]
		}
		found[i] = out
	}
	return found
}

// backtrackingEngine takes what the linear one cannot say: lookaround,
// backreferences, atomic groups. It is bounded in time, in stack and in the
// length of the text.
type backtrackingEngine struct{ re *regexp2.Regexp }

const (
	// backtrackingTime is long enough for the library's coarse clock, which
	// otherwise reports time-outs that did not happen.
	backtrackingTime    = time.Second
	maxBacktrackingText = 64 << 10
)

func newBacktrackingEngine(pattern string, options int64) (*backtrackingEngine, error) {
	const known = regexIgnoreCase | regexMultiline | regexExplicit | regexSingleline | regexVerbose | regexRightToLeft
	re, err := regexp2.Compile(pattern, regexp2.RegexOptions(options&known))
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = backtrackingTime
	return &backtrackingEngine{re}, nil
}

func (e *backtrackingEngine) check(s string, err error) {
	if err != nil {
		throwLimit("a regular expression took too long: " + strings.SplitN(err.Error(), ":", 2)[0])
	}
	if len(s) > maxBacktrackingText {
		throwLimit("the text for a regular expression with lookaround or backreferences is larger than 64 KiB")
	}
}

func (e *backtrackingEngine) isMatch(s string) bool {
	e.check(s, nil)
	ok, err := e.re.MatchString(s)
	e.check("", err)
	return ok
}

func (e *backtrackingEngine) groups() []string {
	names := e.re.GetGroupNames()
	out := make([]string, len(names))
	for i, name := range names {
		if name != "" && !isDigit(name[0]) {
			out[i] = name
		}
	}
	return out
}

func (e *backtrackingEngine) all(s string, n int) (found [][]int) {
	e.check(s, nil)
	m, err := e.re.FindStringMatch(s)
	for deadline := time.Now().Add(backtrackingTime); m != nil && err == nil && (n < 0 || len(found) < n); m, err = e.re.FindNextMatch(m) {
		if time.Now().After(deadline) {
			throwLimit("a regular expression took too long")
		}
		groups := m.Groups()
		loc := make([]int, 0, 2*len(groups))
		for i := range groups {
			if len(groups[i].Captures) == 0 {
				loc = append(loc, -1, -1)
				continue
			}
			at, length := groups[i].ByteRange()
			loc = append(loc, at, at+length)
		}
		found = append(found, loc)
	}
	e.check("", err)
	return found
}

// slowEngine is the backtracking engine of a pattern, made when a text needs it.
type slowEngine struct {
	once   sync.Once
	engine *backtrackingEngine
	err    error
}

// engine chooses by the text: where the linear one differs from .NET, word
// boundaries beside letters beyond ASCII and $ before a final line feed, the
// other one answers.
func (r *regex) engine(s string) regexEngine {
	if r.linear != nil && !(r.boundary && !isASCII(s)) && !(r.dollar && strings.HasSuffix(s, "\n")) {
		return r.linear
	}
	r.slow.once.Do(func() { r.slow.engine, r.slow.err = newBacktrackingEngine(r.pattern, r.options) })
	if r.slow.err != nil {
		if r.linear != nil {
			return r.linear
		}
		throw("System.ArgumentException", "Invalid pattern: %s", r.slow.err)
	}
	return r.slow.engine
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
