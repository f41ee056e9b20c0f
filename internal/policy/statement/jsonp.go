package statement

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// jsonpStatement wraps a JSON response in a call of the function that a query
// parameter of the client names. Without the parameter nothing changes.
type jsonpStatement struct{ parameter policy.String }

func jsonp() *policy.Definition {
	return &policy.Definition{Name: "jsonp", Sections: policy.Outbound, Scopes: policy.AnyScope,
		Attributes: []string{"callback-parameter-name"}, Compile: compileJSONP}
}

func compileJSONP(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e)
	s := &jsonpStatement{parameter: required(k, e, "callback-parameter-name")}
	if a := e.Attr("callback-parameter-name"); a != nil && !a.Value.Expression && a.Value.Text == "" {
		k.Errorf(a.Value.Pos, "callback-parameter-name must not be empty")
	}
	return s
}

func (s *jsonpStatement) Run(c *policy.Context) error {
	name, err := s.parameter.Eval(c)
	if err != nil {
		return err
	}
	callback, given := queryParameter(c.Request.OriginalURL.RawQuery, name)
	if !given || callback == "" {
		return nil
	}
	if !javaScriptName(callback) {
		return c.Fail("jsonp", "CallbackParameterInvalid", "Value of callback parameter "+name+" is not a valid JavaScript identifier.", http.StatusBadRequest)
	}
	r := c.Response
	if r == nil || !isJSON(r.Header.Get("Content-Type")) {
		return nil
	}
	data, err := r.Body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) {
		return nil
	}
	if err != nil {
		return err
	}
	replaceBody(c, &r.Body, r.Header, padded(callback, data))
	r.Header["Content-Type"] = []string{"application/javascript; charset=utf-8"}
	r.Header["X-Content-Type-Options"] = []string{"nosniff"} // the client chose how the body begins
	return nil
}

// padded is the call. The two line ends that JSON has and old JavaScript
// strings had not are escaped.
func padded(callback string, data []byte) []byte {
	if len(data) == 0 {
		data = []byte("null")
	}
	data = bytes.ReplaceAll(data, []byte("\u2028"), []byte(`\u2028`))
	data = bytes.ReplaceAll(data, []byte("\u2029"), []byte(`\u2029`))
	out := make([]byte, 0, len(callback)+len(data)+3)
	out = append(out, callback...)
	out = append(out, '(')
	out = append(out, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))...)
	return append(out, ");"...)
}

// queryParameter finds the first value of a parameter.
func queryParameter(rawQuery, name string) (value string, ok bool) {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if text, err := url.QueryUnescape(key); err != nil || text != name {
			continue
		}
		text, err := url.QueryUnescape(value)
		if err != nil {
			return value, true
		}
		return text, true
	}
	return "", false
}

// maxCallback is the longest callback name.
const maxCallback = 255

// javaScriptName tells whether a text is an identifier, or several with dots
// between, as libraries use.
func javaScriptName(text string) bool {
	if len(text) > maxCallback {
		return false
	}
	for part := range strings.SplitSeq(text, ".") {
		if part == "" || reservedWord(part) {
			return false
		}
		for i, r := range part {
			switch {
			case r == '$' || r == '_' || unicode.IsLetter(r):
			case i > 0 && unicode.IsDigit(r):
			default:
				return false
			}
		}
	}
	return true
}

func reservedWord(text string) bool {
	switch text {
	case "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else", "enum", "export", "extends",
		"false", "finally", "for", "function", "if", "import", "in", "instanceof", "new", "null", "return", "super", "switch", "this",
		"throw", "true", "try", "typeof", "var", "void", "while", "with":
		return true
	}
	return false
}

// isJSON tells whether a content type is JSON; none counts as JSON.
func isJSON(contentType string) bool {
	t := strings.ToLower(mediaType(contentType))
	return t == "" || t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json")
}
