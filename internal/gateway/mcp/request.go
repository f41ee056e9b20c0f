package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// Request is the HTTP request that a call of a tool means, below the path of
// its API.
type Request struct {
	Method string
	Path   string // escaped
	Query  string // encoded, without "?"
	Header http.Header
	Body   []byte
}

// Request makes the request of a call. Its errors are for the model: they say
// which argument is wrong.
func (t *Tool) Request(arguments json.RawMessage) (*Request, error) {
	args := map[string]any{}
	if len(arguments) > 0 && string(arguments) != "null" {
		if err := decode(arguments, &args); err != nil {
			return nil, errors.New("the arguments must be a JSON object")
		}
	}
	for name := range args {
		if t.schema.Properties[name] == nil {
			return nil, fmt.Errorf("there is no argument %q", name)
		}
		if args[name] == nil {
			delete(args, name)
		}
	}
	for _, name := range t.schema.Required {
		if _, ok := args[name]; !ok {
			return nil, fmt.Errorf("the argument %q is required", name)
		}
	}
	r := &Request{Method: t.operation.Method, Header: http.Header{}}
	if r.Method == "*" {
		r.Method = http.MethodGet
		if _, ok := args[t.body]; ok && t.body != "" {
			r.Method = http.MethodPost
		}
	}
	if err := t.fillPath(r, args); err != nil {
		return nil, err
	}
	if err := t.fillParameters(r, args); err != nil {
		return nil, err
	}
	return r, t.fillBody(r, args)
}

func (t *Tool) fillPath(r *Request, args map[string]any) error {
	var b strings.Builder
	for _, part := range t.path {
		if part.argument == "" {
			b.WriteString(part.literal)
			continue
		}
		text := strings.Join(texts(args[part.argument]), ",")
		if text == "" || text == "." || text == ".." {
			return fmt.Errorf("the argument %q is a part of a path: it must not be %q", part.argument, text)
		}
		b.WriteString(url.PathEscape(text))
	}
	r.Path = b.String()
	return nil
}

func (t *Tool) fillParameters(r *Request, args map[string]any) error {
	query := strings.Builder{}
	query.WriteString(t.fixed)
	for _, b := range t.bindings {
		value, ok := args[b.argument]
		if !ok {
			continue
		}
		if fields, isObject := value.(map[string]any); isObject && b.parameter.Style == apim.StyleObject {
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				query.WriteString("&" + url.QueryEscape(b.parameter.Name+"["+name+"]") + "=" + url.QueryEscape(text(fields[name])))
			}
			continue
		}
		values := written(&b.parameter, value)
		if b.parameter.In == apim.InQuery {
			for _, v := range values {
				query.WriteString("&" + url.QueryEscape(b.parameter.Name) + "=" + url.QueryEscape(v))
			}
			continue
		}
		text := strings.Join(values, ", ")
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return fmt.Errorf("the argument %q is sent as a header: it must not hold control characters", b.argument)
		}
		r.Header[textproto.CanonicalMIMEHeaderKey(b.parameter.Name)] = []string{text}
	}
	r.Query = strings.TrimPrefix(query.String(), "&")
	return nil
}

// written gives a parameter's values as they stand in the request.
func written(p *apim.Parameter, value any) []string {
	if p.Style == apim.StyleJSON {
		return []string{text(value)}
	}
	list := texts(value)
	if _, isList := value.([]any); !isList || p.Explode {
		return list
	}
	separator := ","
	switch p.Style {
	case apim.StyleSpace:
		separator = " "
	case apim.StylePipe:
		separator = "|"
	case apim.StyleTab:
		separator = "\t"
	}
	return []string{strings.Join(list, separator)}
}

// texts gives the elements of a list, or the one value.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{text(value)}
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return out
}

// text is a string as it is and everything else as JSON.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(data)
}

func (t *Tool) fillBody(r *Request, args map[string]any) error {
	value, ok := args[t.body]
	if t.body == "" || !ok {
		return nil
	}
	contentType := t.contentType
	switch {
	case contentType == "":
		contentType = "application/json"
		fallthrough
	case isJSON(contentType):
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("the argument %q: %w", t.body, err)
		}
		r.Body = data
	case isForm(contentType):
		fields, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("the argument %q must be an object: it is sent as a form", t.body)
		}
		form := url.Values{}
		for name, v := range fields {
			form[name] = texts(v)
		}
		r.Body = []byte(form.Encode())
	default:
		r.Body = []byte(text(value))
	}
	r.Header["Content-Type"] = []string{contentType}
	return nil
}
