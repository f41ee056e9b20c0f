package schema

import (
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of patterns that run by backtracking.
const (
	maxPattern  = 4096
	patternTime = time.Second
	patternText = 64 << 10
)

// compilePattern takes patterns as ECMA 262 writes them. They run in linear
// time but for those that cannot: lookaround, back references and counts above
// 1000.
func compilePattern(p string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(ecmaPattern(p))
	if err == nil {
		return re, nil
	}
	if len(p) > maxPattern {
		return nil, err
	}
	slow, slowErr := regexp2.Compile(p, regexp2.ECMAScript)
	if slowErr != nil {
		return nil, err
	}
	slow.MatchTimeout = patternTime
	return backtracking{slow}, nil
}

// backtracking is a pattern that may take long.
type backtracking struct{ *regexp2.Regexp }

// gaveUp is the panic of a pattern that took too long. Neither yes nor no is
// safe: the pattern may stand under "not". Schema.check turns it into a problem.
type gaveUp struct{}

// MatchString implements jsonschema.Regexp.
func (b backtracking) MatchString(s string) bool {
	if len(s) > patternText {
		panic(gaveUp{})
	}
	ok, err := b.Regexp.MatchString(s)
	if err != nil {
		panic(gaveUp{})
	}
	return ok
}

// ecmaPattern rewrites what ECMA 262 and RE2 write differently: \uXXXX, \cX
// and escaped letters that mean themselves.
func ecmaPattern(p string) string {
	if !strings.ContainsRune(p, '\\') {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] != '\\' || i+1 == len(p) {
			b.WriteByte(p[i])
			continue
		}
		i++
		switch c := p[i]; {
		case c == 'u' && i+4 < len(p):
			b.WriteString(`\x{` + p[i+1:i+5] + `}`)
			i += 4
		case c == '/' || c == '-' || c == '_':
			b.WriteString(regexp.QuoteMeta(string(c)))
		default:
			b.WriteString(p[i-1 : i+1])
		}
	}
	return b.String()
}
