package schema

import (
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compilePattern takes patterns that run in linear time, as ECMA 262 writes them.
func compilePattern(p string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(ecmaPattern(p))
	if err != nil {
		return nil, err
	}
	return re, nil
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
