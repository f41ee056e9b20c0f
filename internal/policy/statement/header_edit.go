package statement

import (
	"net/textproto"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// existsAction is what set-header and set-query-parameter do with a name that
// is already there.
type existsAction uint8

const (
	override existsAction = iota
	skip
	appendValue
	remove
)

var existsActions = map[string]existsAction{"override": override, "skip": skip, "append": appendValue, "delete": remove}

// exists is the compiled attribute exists-action.
type exists struct {
	action  existsAction
	dynamic policy.String
}

func compileExists(k *policy.Compiler, e *policy.Element) exists {
	x := exists{dynamic: k.String(e, "exists-action", "override")}
	if x.dynamic.Dynamic() {
		return x
	}
	action, ok := existsActions[x.dynamic.Literal]
	if a := e.Attr("exists-action"); a != nil && !a.Value.Expression && !ok {
		k.Errorf(a.Value.Pos, "exists-action=%q: expected one of override, skip, append, delete", a.Value.Text)
	}
	x.action = action
	return x
}

func (x *exists) eval(c *policy.Context, source string) (existsAction, error) {
	if !x.dynamic.Dynamic() {
		return x.action, nil
	}
	text, err := x.dynamic.Eval(c)
	if err != nil {
		return 0, err
	}
	action, ok := existsActions[text]
	if !ok {
		return 0, invalid(c, source, "exists-action: expected one of override, skip, append, delete")
	}
	return action, nil
}

// headerEdit is one compiled set-header, of a message or inside
// return-response and send-request.
type headerEdit struct {
	key    string // canonical; "" when name is an expression
	name   policy.String
	exists exists
	values []policy.String
	fixed  []string // the value when all values are literal; shared, never changed
}

func compileHeaderEdit(k *policy.Compiler, e *policy.Element) *headerEdit {
	checkChildren(k, e, "value")
	h := &headerEdit{name: required(k, e, "name"), exists: compileExists(k, e), values: texts(k, e, "value")}
	if a := e.Attr("name"); a != nil && !a.Value.Expression {
		h.compileName(k, e, a)
	}
	if len(h.values) == 0 && !h.exists.dynamic.Dynamic() && h.exists.action != remove {
		k.Errorf(e.Pos, "<set-header> needs at least one <value>, or exists-action=\"delete\"")
	}
	if h.key != "" && !anyDynamic(h.values) {
		h.fixed, _ = h.eval(nil, h.key) // literals cannot fail
	}
	return h
}

// nestedHeaders compiles the set-header children of return-response and
// send-request.
func nestedHeaders(k *policy.Compiler, e *policy.Element) []*headerEdit {
	var edits []*headerEdit
	for _, c := range e.Children {
		if c.Name == "set-header" {
			checkAttributes(k, c, "name", "exists-action")
			edits = append(edits, compileHeaderEdit(k, c))
		}
	}
	return edits
}

func (h *headerEdit) compileName(k *policy.Compiler, e *policy.Element, a *policy.Attr) {
	if !validHeaderName(a.Value.Text) {
		report(k, &a.Value, a.Value.Pos, "%q is not a header name", a.Value.Text)
		return
	}
	h.key = textproto.CanonicalMIMEHeaderKey(a.Value.Text)
	if framingHeader(h.key) {
		k.Warnf(e.Pos, "the header %s cannot be set: the gateway writes it; this statement does nothing", h.key)
	}
	if h.key == "Server" && h.exists.action == remove {
		k.Warnf(e.Pos, "the header Server cannot be removed; this statement does nothing")
	}
}

// framingHeader tells whether the gateway alone writes a header.
func framingHeader(key string) bool {
	switch key {
	case "Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding":
		return true
	}
	return false
}

// repeatsLine tells whether several values stand in lines of their own; all
// others are joined with a comma.
func repeatsLine(key string) bool {
	switch key {
	case "User-Agent", "Www-Authenticate", "Proxy-Authenticate", "Cookie", "Set-Cookie", "Warning",
		"Date", "Expires", "If-Modified-Since", "If-Unmodified-Since", "Last-Modified":
		return true
	}
	return false
}

func validHeaderName(name string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

var controlReplacer = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", " ")

// headerValue makes a value safe for a header line.
func headerValue(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		v = controlReplacer.Replace(v)
	}
	return strings.TrimSpace(v)
}

// apply edits the header. source names the statement in failures.
func (h *headerEdit) apply(c *policy.Context, target expr.Header, source string) error {
	key, err := h.evalKey(c, source)
	if err != nil {
		return err
	}
	action, err := h.exists.eval(c, source)
	if err != nil {
		return err
	}
	return h.edit(c, target, key, action)
}

func (h *headerEdit) edit(c *policy.Context, target expr.Header, key string, action existsAction) (err error) {
	existing := target[key]
	switch {
	case framingHeader(key):
		return nil
	case action == remove:
		if key != "Server" {
			delete(target, key)
		}
		return nil
	case action == skip && len(existing) > 0:
		return nil
	}
	values := h.fixed
	if values == nil {
		if values, err = h.eval(c, key); err != nil {
			return err
		}
	}
	if action == appendValue && len(existing) > 0 {
		values = joinValues(key, existing, values)
	}
	target[key] = values
	return nil
}

func (h *headerEdit) evalKey(c *policy.Context, source string) (string, error) {
	if h.key != "" {
		return h.key, nil
	}
	name, err := h.name.Eval(c)
	if err != nil {
		return "", err
	}
	if !validHeaderName(name) {
		return "", invalid(c, source, "The name of the header is not a header name.")
	}
	return textproto.CanonicalMIMEHeaderKey(name), nil
}

func (h *headerEdit) eval(c *policy.Context, key string) ([]string, error) {
	values := make([]string, 0, len(h.values))
	for i := range h.values {
		v, err := h.values[i].Eval(c)
		if err != nil {
			return nil, err
		}
		values = append(values, headerValue(v))
	}
	return joinValues(key, nil, values), nil
}

// joinValues puts added values behind the existing ones and returns a new
// slice, or the added one when nothing is to be joined.
func joinValues(key string, existing, added []string) []string {
	if len(existing) == 0 && len(added) <= 1 {
		return slices.Clip(added)
	}
	all := make([]string, 0, len(existing)+len(added))
	all = append(append(all, existing...), added...)
	if repeatsLine(key) {
		return all
	}
	return []string{strings.Join(all, ",")}
}
