package expr

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
)

// JTokenType is Newtonsoft.Json.Linq.JTokenType.
type JTokenType uint8

// The kinds of tokens that occur, with their .NET numbers.
const (
	JObject      JTokenType = 1
	JArray       JTokenType = 2
	JConstructor JTokenType = 3
	JProperty    JTokenType = 4
	JInteger     JTokenType = 6
	JFloat       JTokenType = 7
	JString      JTokenType = 8
	JBoolean     JTokenType = 9
	JNull        JTokenType = 10
	JUndefined   JTokenType = 11
	JDate        JTokenType = 12
	JRaw         JTokenType = 13
	JBytes       JTokenType = 14
	JGuid        JTokenType = 15
	JURI         JTokenType = 16
	JTimeSpan    JTokenType = 17
)

// JToken is a node of a JSON tree with the semantics of Newtonsoft's JToken:
// objects keep the order of their properties, every node knows its parent.
type JToken struct {
	kind   JTokenType
	value  any       // of a value: int64, *big.Int, float64, Decimal, string, bool, DateTime, ...; *unread of a container
	name   string    // of a property
	list   []*JToken // elements; the properties of an object; the value of a property: kids and peek read it
	parent *JToken
	index  map[string]*JToken // properties of a large object
}

// Kind is the type of the token.
func (t *JToken) Kind() JTokenType { return t.kind }

// Value is the value of a leaf: nil, string, bool, int64, *big.Int, float64 or
// a time value.
func (t *JToken) Value() any {
	if t.container() {
		return nil // or what is unread
	}
	return t.value
}

// Items are the elements of an array, or the values of an object's properties.
func (t *JToken) Items() []*JToken {
	if t.kind != JObject {
		return t.kids()
	}
	out := make([]*JToken, len(t.kids()))
	for i, p := range t.kids() {
		out[i] = p.kids()[0]
	}
	return out
}

// Len is how many elements or properties a token has.
func (t *JToken) Len() int { return len(t.peek()) }

// Names are the property names of an object in order.
func (t *JToken) Names() []string {
	var out []string
	if t.kind == JObject {
		for _, p := range t.kids() {
			out = append(out, p.name)
		}
	}
	return out
}

// Get is the value of a property; nil when t is no object or has none.
func (t *JToken) Get(name string) *JToken {
	if t == nil || t.kind != JObject {
		return nil
	}
	if p := t.property(name); p != nil {
		return p.kids()[0]
	}
	return nil
}

// Set sets a property of an object to a value: a *JToken or what NewJSON takes.
func (t *JToken) Set(name string, value any) { t.setProperty(name, jsonOf(value)) }

// Append adds an element to an array.
func (t *JToken) Append(value any) { t.list = append(t.kids(), t.adopt(jsonOf(value))) }

// NewJSON makes a token of a value: nil, string, bool, numbers, time values,
// []byte, lists and maps of the engine, and what encoding/json makes.
func NewJSON(v any) *JToken { return jsonOf(v) }

// DataOf is NewJSON of any value of an expression; what has no JSON form, such
// as a sequence, is null.
func DataOf(v any) (t *JToken) {
	defer func() {
		if r := recover(); r != nil {
			if _, thrown := r.(*exception); !thrown {
				panic(r)
			}
			t = &JToken{kind: JNull}
		}
	}()
	return jsonOf(v)
}

// NewJObject makes an empty object.
func NewJObject() *JToken { return &JToken{kind: JObject} }

// NewJArray makes an array of tokens that stand nowhere else.
func NewJArray(items ...*JToken) *JToken {
	t := &JToken{kind: JArray}
	for _, i := range items {
		t.list = append(t.kids(), t.adopt(i))
	}
	return t
}

func (t *JToken) container() bool {
	return t.kind == JObject || t.kind == JArray || t.kind == JProperty || t.kind == JConstructor
}

func (t *JToken) property(name string) *JToken {
	if len(t.kids()) <= 8 {
		for _, p := range t.kids() {
			if p.name == name {
				return p
			}
		}
		return nil
	}
	if t.index == nil {
		t.index = make(map[string]*JToken, len(t.kids()))
		for _, p := range t.kids() {
			t.index[p.name] = p
		}
	}
	return t.index[name]
}

// adopt gives the token a parent; a token that has one is copied, as in Newtonsoft.
func (t *JToken) adopt(child *JToken) *JToken {
	if child == nil {
		child = &JToken{kind: JNull}
	}
	if child.parent != nil || child.above(t) {
		child = child.clone() // a token has one place, and is never inside itself
	}
	child.parent = t
	return child
}

// above tells whether t is o or stands above it.
func (t *JToken) above(o *JToken) bool {
	for ; o != nil; o = o.parent {
		if o == t {
			return true
		}
	}
	return false
}

func (t *JToken) setProperty(name string, v *JToken) {
	if p := t.property(name); p != nil {
		p.kids()[0].parent = nil
		p.kids()[0] = p.adopt(v)
		return
	}
	t.addProperty(name, v)
}

func (t *JToken) addProperty(name string, v *JToken) {
	p := &JToken{kind: JProperty, name: name, parent: t}
	p.list = []*JToken{p.adopt(v)}
	t.list = append(t.kids(), p)
	if t.index != nil {
		t.index[name] = p
	}
}

// addContent is Add of containers: lists are spread, properties go to objects.
func (t *JToken) addContent(v any) {
	switch t.kind {
	case JArray, JConstructor:
		if a, ok := v.(*Array); ok {
			for _, x := range a.items {
				t.addContent(x)
			}
			return
		}
		t.list = append(t.kids(), t.adopt(jsonOf(v)))
	case JObject:
		t.addToObject(v)
	case JProperty:
		if len(t.kids()) > 0 {
			throw("Newtonsoft.Json.JsonException", "Newtonsoft.Json.Linq.JProperty cannot have multiple values.")
		}
		t.list = []*JToken{t.adopt(jsonOf(v))}
	default:
		throw("System.InvalidOperationException", "Cannot add a value to a JValue.")
	}
}

func (t *JToken) addToObject(v any) {
	switch p := v.(type) {
	case *Array:
		for _, x := range p.items {
			t.addToObject(x)
		}
		return
	case *JToken:
		if p.kind == JObject {
			for _, x := range p.kids() {
				t.addToObject(x)
			}
			return
		}
		if p.kind == JProperty {
			t.mustBeNew(p.name)
			if p.parent != nil || p.above(t) {
				t.addProperty(p.name, p.kids()[0]) // which copies the value
				return
			}
			// The caller's property becomes the one in the tree, its value too.
			p.parent = t
			t.list = append(t.kids(), p)
			if t.index != nil {
				t.index[p.name] = p
			}
			return
		}
	}
	throw("System.ArgumentException", "Can not add %s to Newtonsoft.Json.Linq.JObject.", typeOf(v))
}

func (t *JToken) mustBeNew(name string) {
	if t.property(name) != nil {
		throw("System.ArgumentException", "Can not add property %s to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object.", name)
	}
}

// remove takes the token out of its parent.
func (t *JToken) remove() {
	p := t.parent
	if p == nil {
		throw("System.InvalidOperationException", "The parent is missing.")
	}
	if p.kind == JProperty {
		p.remove()
		return
	}
	if i := slices.Index(p.kids(), t); i >= 0 {
		p.list = slices.Delete(p.kids(), i, i+1)
	}
	p.index, t.parent = nil, nil
}

// replace puts another token into the place of t.
func (t *JToken) replace(v *JToken) {
	p := t.parent
	if p == nil {
		throw("System.InvalidOperationException", "The parent is missing.")
	}
	if i := slices.Index(p.kids(), t); i >= 0 {
		p.kids()[i] = p.adopt(v)
	}
	p.index, t.parent = nil, nil
}

func (t *JToken) clone() *JToken {
	out := &JToken{kind: t.kind, name: t.name}
	if !t.container() {
		out.value = t.value
	}
	if list := t.peek(); len(list) > 0 {
		out.list = make([]*JToken, len(list))
		for i, c := range list {
			k := c.clone()
			k.parent = out
			out.list[i] = k
		}
	}
	return out
}

// jsonOf is JToken.FromObject and the implicit conversions.
func jsonOf(v any) *JToken { return jsonAt(v, 0) }

// maxJSONNesting ends what holds itself.
const maxJSONNesting = 128

func jsonAt(v any, depth int) *JToken {
	if depth > maxJSONNesting {
		throw("Newtonsoft.Json.JsonSerializationException", "Self referencing loop detected, or values nested more than %d deep.", maxJSONNesting)
	}
	switch x := v.(type) {
	case nil:
		return &JToken{kind: JNull}
	case *JToken:
		return x
	case string:
		return &JToken{kind: JString, value: x}
	case bool:
		return &JToken{kind: JBoolean, value: x}
	case float64, Decimal:
		return &JToken{kind: JFloat, value: x}
	case float32:
		return &JToken{kind: JFloat, value: float64(x)}
	case *big.Int:
		return &JToken{kind: JInteger, value: x}
	case uint64:
		if x > 1<<63-1 {
			return &JToken{kind: JInteger, value: new(big.Int).SetUint64(x)}
		}
		return &JToken{kind: JInteger, value: int64(x)}
	case Char:
		return &JToken{kind: JString, value: ToString(x)}
	case DateTime, DateTimeOffset:
		return &JToken{kind: JDate, value: x}
	case TimeSpan:
		return &JToken{kind: JTimeSpan, value: x}
	case Guid:
		return &JToken{kind: JGuid, value: x}
	case *URI:
		return &JToken{kind: JURI, value: x}
	case []byte:
		return &JToken{kind: JBytes, value: x}
	}
	if n, ok := integer(v); ok {
		return &JToken{kind: JInteger, value: n}
	}
	return jsonOfObject(v, depth+1)
}

// numberToken keeps whole numbers whole.
func numberToken(text json.Number) *JToken {
	if n, err := text.Int64(); err == nil {
		return &JToken{kind: JInteger, value: n}
	}
	if len(text) < 400 {
		if n, ok := new(big.Int).SetString(string(text), 10); ok {
			return &JToken{kind: JInteger, value: n}
		}
	}
	f, _ := text.Float64()
	return &JToken{kind: JFloat, value: f}
}

func jsonOfObject(v any, depth int) *JToken {
	switch x := v.(type) {
	case *Array:
		t := &JToken{kind: JArray}
		for _, i := range x.items {
			t.list = append(t.kids(), t.adopt(jsonAt(i, depth)))
		}
		return t
	case *Object:
		t := &JToken{kind: JObject}
		for i, n := range x.def.fields {
			t.addProperty(n, jsonAt(x.values[i], depth))
		}
		return t
	case *Dictionary:
		t := &JToken{kind: JObject}
		for _, k := range x.keys {
			t.setProperty(ToString(k), jsonAt(x.values[x.keyOf(k)], depth))
		}
		return t
	case *tuple:
		t := &JToken{kind: JObject}
		for i, v := range x.items {
			t.addProperty("Item"+string(rune('1'+i)), jsonAt(v, depth))
		}
		return t
	case *Grid:
		return x.json(0, 0)
	case *Pair:
		t := &JToken{kind: JObject}
		t.addProperty("Key", jsonAt(x.key, depth))
		t.addProperty("Value", jsonAt(x.value, depth))
		return t
	case json.Number:
		return numberToken(x)
	case []any:
		t := &JToken{kind: JArray, list: make([]*JToken, 0, len(x))}
		for _, one := range x {
			t.list = append(t.kids(), t.adopt(jsonAt(one, depth)))
		}
		return t
	case map[string]any: // has no order: the names are sorted
		t := &JToken{kind: JObject}
		for _, name := range slices.Sorted(maps.Keys(x)) {
			t.addProperty(name, jsonAt(x[name], depth))
		}
		return t
	case []string:
		t := &JToken{kind: JArray}
		for _, s := range x {
			t.list = append(t.kids(), t.adopt(jsonAt(s, depth)))
		}
		return t
	case Header, *queryMap:
		t := &JToken{kind: JObject}
		eachPair(v, func(k string, vs []string) bool { t.addProperty(k, jsonAt(vs, depth)); return true })
		return t
	case *Seq:
		throw("Newtonsoft.Json.JsonSerializationException", "The sequence must be turned into a list first (ToList, ToArray).")
	}
	return &JToken{kind: JString, value: ToString(v)}
}

// deepEquals is JToken.DeepEquals.
func (t *JToken) deepEquals(o *JToken) bool {
	if t == nil || o == nil {
		return t == o
	}
	mine, theirs := t.peek(), o.peek()
	if t.kind != o.kind || len(mine) != len(theirs) || t.name != o.name {
		return false
	}
	if t.kind == JObject {
		for _, p := range mine {
			if q := o.property(p.name); q == nil || !p.deepEquals(q) {
				return false
			}
		}
		return true
	}
	for i := range mine {
		if !mine[i].deepEquals(theirs[i]) {
			return false
		}
	}
	return t.container() || Equal(t.value, o.value)
}

// String is ToString() of Newtonsoft: the text of a leaf, indented JSON of the rest.
func (t *JToken) String() string {
	if t == nil {
		return ""
	}
	if !t.container() {
		return ToString(t.value)
	}
	return t.JSON(true)
}

// JSON is the text of the tree, indented by two spaces or on one line.
func (t *JToken) JSON(indented bool) string { return string(t.append(nil, indented, 0)) }

const newline = "\n"

func (t *JToken) append(to []byte, indented bool, depth int) []byte {
	line := func(d int) {
		if indented {
			to = append(to, newline...)
			for range d {
				to = append(to, "  "...)
			}
		}
	}
	switch t.kind {
	case JProperty:
		to = appendQuoted(to, t.name)
		to = append(to, ':')
		if indented {
			to = append(to, ' ')
		}
		if len(t.peek()) == 0 {
			return append(to, "null"...)
		}
		return t.peek()[0].append(to, indented, depth)
	case JRaw:
		return append(to, t.value.(string)...)
	case JObject, JArray, JConstructor:
		open, end := "{", byte('}')
		switch t.kind {
		case JArray:
			open, end = "[", ']'
		case JConstructor:
			open, end = "new "+t.name+"(", ')'
		}
		to = append(to, open...)
		for i, c := range t.peek() {
			if i > 0 {
				to = append(to, ',')
			}
			line(depth + 1)
			to = c.append(to, indented, depth+1)
		}
		if len(t.peek()) > 0 {
			line(depth)
		}
		return append(to, end)
	}
	return appendLeaf(to, t.value)
}

func appendLeaf(to []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(to, "null"...)
	case bool:
		return strconv.AppendBool(to, x)
	case int64:
		return strconv.AppendInt(to, x, 10)
	case *big.Int:
		return x.Append(to, 10)
	case float64:
		return append(to, jsonFloat(x)...)
	case Decimal:
		s := x.String()
		if !slices.Contains([]byte(s), '.') {
			s += ".0"
		}
		return append(to, s...)
	case DateTime:
		return appendQuoted(to, x.format("yyyy-MM-ddTHH:mm:ss.FFFFFFFK"))
	case DateTimeOffset:
		return appendQuoted(to, x.format("yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz"))
	case []byte:
		return appendQuoted(to, encodeBase64(x))
	case *URI:
		return appendQuoted(to, x.original)
	}
	return appendQuoted(to, ToString(v))
}

// appendQuoted escapes as Newtonsoft does by default.
func appendQuoted(to []byte, s string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			to = append(to, '\\', byte(r))
		case '\b':
			to = append(to, '\\', 'b')
		case '\f':
			to = append(to, '\\', 'f')
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		case 0x85, 0x2028, 0x2029:
			to = append(to, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			if r < 0x20 {
				to = append(to, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
			} else {
				to = append(to, string(r)...)
			}
		}
	}
	return append(to, '"')
}
