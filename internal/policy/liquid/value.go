package liquid

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
)

// The values of a template: nil, bool, int64, float64, string, expr.DateTime,
// JSON trees (*expr.JToken), XML elements (*Element), lists ([]any), and
// Objects, whose members are asked for only when the template reads them.

// Object is a value with members.
type Object interface {
	Property(name string) (any, bool)
	Entries() []Entry // what a loop over it gives
}

// Entry is a pair of a loop over an object.
type Entry struct {
	Key   string
	Value any
}

// Element is an XML element, and what an element that is xsi:nil stands for.
type Element struct {
	*xmldoc.Node
	NilIsNull  bool // xsi-nil="null"
	ValueNames bool // use-value-element: the text is also the member "value"
}

type (
	// span is a range of whole numbers.
	span struct{ from, to int64 }
	// scope is what ['name'] without a variable before it reads.
	scope struct{ r *run }
	// emptiness is blank or empty.
	emptiness string
)

// plain turns the leaves of JSON into plain values.
func plain(v any) any {
	switch x := v.(type) {
	case *expr.JToken:
		return plainToken(x)
	case *Element:
		if x.NilIsNull && x.isNil() {
			return nil
		}
	case int:
		return int64(x)
	case int32:
		return int64(x)
	case float32:
		return float64(x)
	case *big.Int:
		return x.String()
	}
	return v
}

func plainToken(t *expr.JToken) any {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case expr.JObject, expr.JArray:
		return t
	case expr.JNull, expr.JUndefined:
		return nil
	case expr.JInteger, expr.JFloat, expr.JBoolean, expr.JString, expr.JDate:
		return plain(t.Value())
	}
	return expr.ToString(t.Value())
}

func (e *Element) isNil() bool {
	a := e.Attr(xmldoc.XSI, "nil")
	return a != nil && (a.Value == "true" || a.Value == "1")
}

// size is how many nodes are in the element: places of nodes are in order.
func (e *Element) size() int {
	last := e.Node
	for len(last.Children) > 0 {
		last = last.Children[len(last.Children)-1]
	}
	return last.Order - e.Order + 1
}

func (e *Element) with(n *xmldoc.Node) *Element {
	return &Element{Node: n, NilIsNull: e.NilIsNull, ValueNames: e.ValueNames}
}

func (e *Element) elements() []any {
	var out []any
	for _, c := range e.Children {
		if c.Kind == xmldoc.Element {
			out = append(out, plain(e.with(c)))
		}
	}
	return out
}

// Property gives the children of a name, and else an attribute. Prefixes do
// not count. Several children are a list.
func (e *Element) Property(name string) (any, bool) {
	if strings.HasPrefix(name, "@") {
		return e.attribute(name[1:])
	}
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		var found []any
		for _, c := range e.Children {
			if c.Kind == xmldoc.Element && (same(c.Local, name) || same(c.Name(), name)) {
				found = append(found, plain(e.with(c)))
			}
		}
		if len(found) == 1 {
			return found[0], true
		}
		if len(found) > 1 {
			return found, true
		}
	}
	if v, ok := e.attribute(name); ok {
		return v, true
	}
	if e.ValueNames && strings.EqualFold(name, "value") {
		return e.Text(), true
	}
	return nil, false
}

func (e *Element) attribute(name string) (any, bool) {
	for _, a := range e.Attrs {
		if _, declares := a.Declares(); !declares && (strings.EqualFold(a.Local, name) || strings.EqualFold(a.Name(), name)) {
			return a.Value, true
		}
	}
	return nil, false
}

// Entries are the child elements.
func (e *Element) Entries() []Entry { return nil }

// member is value.name.
func member(v any, name string) any {
	if out, ok := property(v, name); ok {
		return plain(out)
	}
	switch strings.ToLower(name) {
	case "size":
		if n, ok := size(v); ok {
			return n
		}
	case "first":
		return first(v)
	case "last":
		return last(v)
	}
	if n, err := strconv.ParseInt(name, 10, 64); err == nil {
		return item(v, n)
	}
	return nil
}

func property(v any, name string) (any, bool) {
	switch x := v.(type) {
	case *expr.JToken:
		if t := x.Get(name); t != nil {
			return t, true
		}
		for _, known := range x.Names() {
			if strings.EqualFold(known, name) {
				return x.Get(known), true
			}
		}
	case Object:
		return x.Property(name)
	case scope:
		return x.r.variable(name), true
	case Entry:
		switch strings.ToLower(name) {
		case "key":
			return x.Key, true
		case "value":
			return x.Value, true
		}
	case []any: // the member of the only or first one
		if len(x) > 0 {
			if e, ok := x[0].(*Element); ok {
				return e.Property(name)
			}
		}
	}
	return nil, false
}

// item is value[index].
func item(v, index any) any {
	n, whole := index.(int64)
	if !whole {
		return member(v, textOf(index))
	}
	if e, ok := v.(Entry); ok {
		if n == 0 {
			return e.Key
		}
		return plain(e.Value)
	}
	if e, ok := v.(*Element); ok { // one element stands for a list of one
		if n == 0 || n == -1 {
			return e
		}
		return nil
	}
	if t, ok := v.(*expr.JToken); ok && t.Kind() == expr.JArray {
		return tokenAt(t, n)
	}
	list := each(v)
	if n < 0 {
		n += int64(len(list))
	}
	if _, text := v.(string); text || n < 0 || n >= int64(len(list)) {
		return nil
	}
	return plain(list[n])
}

func tokenAt(t *expr.JToken, n int64) any {
	items := t.Items()
	if n < 0 {
		n += int64(len(items))
	}
	if n < 0 || n >= int64(len(items)) {
		return nil
	}
	return plain(items[n])
}

// each gives the items of a list; of an object its entries, of an element its
// child elements.
func each(v any) []any {
	switch x := v.(type) {
	case []any:
		return x
	case *expr.JToken:
		return tokens(x)
	case *Element:
		return x.elements()
	case span:
		out := make([]any, 0, max(0, x.to-x.from+1))
		for i := x.from; i <= x.to; i++ {
			out = append(out, i)
		}
		return out
	case Object:
		entries := x.Entries()
		out := make([]any, len(entries))
		for i, e := range entries {
			out[i] = e
		}
		return out
	case string:
		if x != "" {
			return []any{x}
		}
	}
	return nil
}

func tokens(t *expr.JToken) []any {
	items := t.Items()
	out := make([]any, len(items))
	if t.Kind() != expr.JObject {
		for i, c := range items {
			out[i] = plain(c)
		}
		return out
	}
	for i, name := range t.Names() {
		out[i] = Entry{name, items[i]}
	}
	return out
}

// named keeps the XML elements, or the members of an object, of a name.
func named(list []any, name string) []any {
	var out []any
	for _, v := range list {
		switch x := v.(type) {
		case *Element:
			if strings.EqualFold(x.Local, name) {
				out = append(out, v)
			}
		case Entry:
			if strings.EqualFold(x.Key, name) {
				out = append(out, plain(x.Value))
			}
		}
	}
	return out
}

func size(v any) (int64, bool) {
	switch x := v.(type) {
	case string:
		return int64(utf16Length(x)), true
	case *Element:
		if !x.hasElements() {
			return int64(utf16Length(x.Text())), true
		}
	case *expr.JToken:
		return int64(x.Len()), true
	case nil, bool, int64, float64, expr.DateTime:
		return 0, false
	}
	return int64(len(each(v))), true
}

func (e *Element) hasElements() bool {
	for _, c := range e.Children {
		if c.Kind == xmldoc.Element {
			return true
		}
	}
	return false
}

func first(v any) any {
	if t, ok := v.(*expr.JToken); ok && t.Kind() == expr.JArray {
		return tokenAt(t, 0)
	}
	if list := each(v); len(list) > 0 {
		return plain(list[0])
	}
	return nil
}

func last(v any) any {
	if t, ok := v.(*expr.JToken); ok && t.Kind() == expr.JArray {
		return tokenAt(t, -1)
	}
	if list := each(v); len(list) > 0 {
		return plain(list[len(list)-1])
	}
	return nil
}

// truthy: only nil and false are not.
func truthy(v any) bool { return v != nil && v != false }

// textOf is how a value is written.
func textOf(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return floatText(x)
	case *Element:
		return x.Text()
	case *expr.JToken:
		if x.Kind() == expr.JArray {
			return textOf(each(x))
		}
		return x.JSON(false)
	case []any:
		var b strings.Builder
		for _, i := range x {
			b.WriteString(textOf(plain(i)))
			if b.Len() > maxOutput {
				break
			}
		}
		return b.String()
	case span:
		return textOf(each(x))
	case Entry:
		return x.Key + textOf(plain(x.Value))
	case emptiness:
		return ""
	case interface{ String() string }:
		return x.String()
	case Object, scope:
		return ""
	}
	return expr.ToString(v)
}

// floatText writes 15 digits, as decimal arithmetic would show them.
func floatText(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return expr.ToString(f)
	}
	s := strconv.FormatFloat(f, 'g', 15, 64)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		f = n
	}
	return expr.ToString(f)
}
