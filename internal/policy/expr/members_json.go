package expr

import (
	"strconv"
	"strings"
)

func jsonKind(kinds ...JTokenType) func(any) bool {
	return func(v any) bool {
		t, ok := v.(*JToken)
		if !ok {
			return false
		}
		for _, k := range kinds {
			if t.kind == k {
				return true
			}
		}
		return false
	}
}

func jsonTypes() []typeRow {
	const ns = "Newtonsoft.Json.Linq."
	leaf := func(v any) bool { t, ok := v.(*JToken); return ok && !t.container() }
	return []typeRow{
		{decl: "enum Newtonsoft.Json.Formatting", enum: "None Indented"},
		{decl: "enum Newtonsoft.Json.NullValueHandling", enum: "Include Ignore"},
		{decl: "enum " + ns + "JTokenType", enum: "None Object Array Constructor Property Comment Integer Float String Boolean Null Undefined Date Raw Bytes Guid Uri TimeSpan"},
		{decl: "class " + ns + "JToken : IEnumerable<JToken>", is: instance[*JToken], rows: tokenRows()},
		{decl: "class " + ns + "JContainer : JToken", is: jsonKind(JObject, JArray, JProperty), rows: []row{
			{sig: "int Count", get: func(v any) int64 { return int64(len(v.(*JToken).kids())) }},
			{sig: "void Add(object? v)", get: listAdd}, {sig: "void RemoveAll()", get: listClear},
			{sig: "void Merge(object? v)", get: mergeRow}, {sig: "void Merge(object? v, JsonMergeSettings? s)", get: mergeRow},
			{sig: "void ReplaceAll(params object[] v)", get: func(f *frame, a []any) any {
				listClear(f, a[:1])
				for _, v := range collect(f, a[1]) {
					listAdd(f, []any{a[0], v})
				}
				return nil
			}},
			{sig: "void AddFirst(object? v)", get: func(f *frame, a []any) any { return listInsert(f, []any{a[0], int32(0), a[1]}) }},
		}},
		{decl: "class " + ns + "JObject : IEnumerable<KeyValuePair<string,JToken>>, JContainer", is: jsonKind(JObject), rows: objectRows()},
		{decl: "class " + ns + "JArray : JContainer, IList<JToken>", is: jsonKind(JArray), rows: arrayTokenRows()},
		{decl: "class " + ns + "JProperty : JContainer", is: jsonKind(JProperty), rows: []row{
			{sig: "new(string name, object? value)", get: newProperty}, {sig: "new(string name, params object[] value)", get: newProperty},
			{sig: "string Name", get: func(v any) string { return v.(*JToken).name }},
			{sig: "JToken Value", get: func(_ *frame, a []any) any { return firstItem(a[0].(*JToken)) }, set: func(f *frame, a []any) any {
				t := a[0].(*JToken)
				v, _ := content(f, a[1]).(*JToken)
				t.list = []*JToken{t.adopt(v)}
				return nil
			}},
		}},
		{decl: "class " + ns + "JValue : JToken", is: leaf, rows: []row{
			{sig: "new(object? v)", get: func(_ *frame, a []any) any { return jsonOf(a[0]) }},
			{sig: "object Value", get: func(_ *frame, a []any) any { return a[0].(*JToken).value }, set: func(_ *frame, a []any) any {
				n := jsonOf(a[1])
				t := a[0].(*JToken)
				t.kind, t.value = n.kind, n.value
				return nil
			}},
			{sig: "static JValue CreateNull()", get: func(*frame, []any) any { return jsonOf(nil) }},
			{sig: "static JValue CreateUndefined()", get: func(*frame, []any) any { return &JToken{kind: JUndefined} }},
			{sig: "static JValue CreateString(string? s)", get: func(_ *frame, a []any) any { return jsonOf(a[0]) }},
			{sig: "int CompareTo(JValue? v)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
			{sig: "bool Equals(JValue? v)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		}},
		{decl: "class " + ns + "JRaw : JValue", is: jsonKind(JRaw), rows: []row{
			{sig: "new(object v)", get: func(_ *frame, a []any) any { return &JToken{kind: JRaw, value: ToString(a[0])} }},
		}},
		{decl: "class " + ns + "JConstructor : JContainer", is: jsonKind(JConstructor), rows: []row{
			{sig: "new(string name)", get: func(_ *frame, a []any) any { return &JToken{kind: JConstructor, name: text(a, 0)} }},
			{sig: "new(string name, params object[] v)", get: func(f *frame, a []any) any {
				t := &JToken{kind: JConstructor, name: text(a, 0)}
				t.addContent(content(f, a[1]))
				return t
			}},
			{sig: "string Name", get: func(v any) string { return v.(*JToken).name }},
		}},
		{decl: "static " + ns + "Extensions"},
		{decl: "class Newtonsoft.Json.JsonSerializerSettings", is: instance[*jsonSettings], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return &jsonSettings{} }},
			{sig: "Formatting Formatting", get: func(*frame, []any) any { return int32(0) }, set: func(_ *frame, a []any) any {
				a[0].(*jsonSettings).indented = num(a, 1) == 1
				return nil
			}},
			{sig: "NullValueHandling NullValueHandling", get: func(*frame, []any) any { return int32(0) }, set: func(_ *frame, a []any) any {
				a[0].(*jsonSettings).dropNull = num(a, 1) == 1
				return nil
			}},
		}},
		{decl: "static Newtonsoft.Json.JsonConvert", rows: []row{
			{sig: "static string SerializeObject(object? v)", get: serialize}, {sig: "static string SerializeObject(object? v, Formatting f)", get: serialize},
			{sig: "static string SerializeObject(object? v, JsonSerializerSettings s)", get: serialize},
			{sig: "static string SerializeObject(object? v, Formatting f, JsonSerializerSettings s)", get: serialize},
			{sig: "static string ToString(object? v)", get: serialize},
			{sig: "static object DeserializeObject(string s)", get: func(f *frame, a []any) any {
				if strings.TrimSpace(text(a, 0)) == "" {
					return nil
				}
				t := parseJSON(f.machine, text(a, 0))
				if !t.container() {
					return t.value
				}
				return t
			}},
			{sig: "static T DeserializeObject<T>(string s)", get: func(f *frame, t []*typ, a []any) any { return deserialize(f, text(a, 0), t[0]) }},
			{sig: "static T DeserializeObject<T>(string s, JsonSerializerSettings? o)", get: func(f *frame, t []*typ, a []any) any { return deserialize(f, text(a, 0), t[0]) }},
			{sig: "static object DeserializeObject(string s, Type t)", get: func(f *frame, a []any) any { return deserialize(f, text(a, 0), arg[*typ](a, 1)) }},
			{sig: "static T DeserializeAnonymousType<T>(string s, T prototype)", get: func(f *frame, t []*typ, a []any) any { return deserialize(f, text(a, 0), t[0]) }},
		}},
	}
}

type jsonSettings struct{ indented, dropNull bool }

func firstItem(t *JToken) any {
	if len(t.kids()) == 0 {
		return nil
	}
	return t.kids()[0]
}

func newProperty(f *frame, a []any) any {
	p := &JToken{kind: JProperty, name: text(a, 0)}
	f.charge(2 * tokenBytes)
	v := content(f, a[1])
	if _, ok := v.(*Array); ok {
		arr := &JToken{kind: JArray}
		arr.addContent(v)
		v = arr
	}
	p.addContent(v)
	return p
}

func serialize(f *frame, a []any) any {
	v := materialise(f, a[0])
	if _, ok := v.(*JToken); !ok {
		f.copies(v)
	}
	t := jsonOf(v)
	indented := false
	for _, x := range a[1:] {
		switch s := x.(type) {
		case Enum:
			indented = s.v == 1
		case *jsonSettings:
			indented = indented || s.indented
			if s.dropNull {
				f.copied(t.weigh())
				t = t.clone()
				t.dropNulls()
			}
		}
	}
	s := t.JSON(indented)
	f.charge(len(s))
	return s
}

func (t *JToken) dropNulls() {
	kept := t.kids()[:0]
	for _, c := range t.kids() {
		if c.kind == JProperty && c.kids()[0].kind == JNull && t.kind == JObject {
			continue
		}
		c.dropNulls()
		kept = append(kept, c)
	}
	t.list, t.index = kept, nil
}

// content is what is put into a JSON tree: a list for a sequence. What the tree
// copies of it is counted.
func content(f *frame, v any) any {
	v = materialise(f, v)
	f.copies(v)
	return v
}

// copyToken copies a token with all below it.
func copyToken(f *frame, t *JToken) any {
	f.copied(t.weigh())
	return t.clone()
}

// materialise turns a lazy sequence into a list.
func materialise(f *frame, v any) any {
	switch s := v.(type) {
	case *Seq:
		return &Array{elem: s.elem, items: collect(f, s), list: true}
	case *orderedSeq:
		return &s.Array
	case *groupOf:
		return &Array{elem: s.elem, items: s.items}
	case *grouping:
		return &Array{elem: types().object, items: s.groups}
	case *Set:
		return &Array{elem: s.elem, items: s.items}
	}
	return v
}

// conversions of JToken: C# word and .NET name.
var tokenConversions = []string{"bool", "int", "long", "double", "float", "decimal", "string", "uint", "ulong", "short", "ushort", "byte", "sbyte", "char",
	"DateTime", "DateTimeOffset", "Guid", "TimeSpan", "Uri"}

func tokenRows() []row {
	rows := append(editRows(), []row{
		{sig: "JToken this[object key]", get: tokenIndex, set: tokenSet},
		{sig: "JTokenType Type", get: func(v any) int64 { return int64(v.(*JToken).kind) }},
		{sig: "JToken Parent", get: func(_ *frame, a []any) any { return pointer(a[0].(*JToken).parent) }},
		{sig: "JToken Root", get: func(_ *frame, a []any) any {
			t := a[0].(*JToken)
			for t.parent != nil {
				t = t.parent
			}
			return t
		}},
		{sig: "string Path", get: func(v any) string { return v.(*JToken).path() }},
		{sig: "bool HasValues", get: func(v any) bool { return len(v.(*JToken).kids()) > 0 }},
		{sig: "JToken First", get: func(_ *frame, a []any) any { return firstItem(a[0].(*JToken)) }},
		{sig: "JToken Last", get: func(_ *frame, a []any) any {
			t := a[0].(*JToken)
			if len(t.kids()) == 0 {
				return nil
			}
			return t.kids()[len(t.kids())-1]
		}},
		{sig: "T Value<T>(object key)", get: func(f *frame, t []*typ, a []any) any {
			v, _ := tokenIndex(f, a).(*JToken)
			return tokenValue(v, t[0])
		}},
		{sig: "static T Value<T>(this IEnumerable<JToken> v)", get: func(f *frame, t []*typ, a []any) any {
			v, _ := notNull(a[0]).(*JToken)
			return tokenValue(v, t[0])
		}},
		{sig: "IEnumerable<T> Values<T>()", get: func(f *frame, t []*typ, a []any) any {
			out := &Array{elem: t[0]}
			for _, v := range a[0].(*JToken).Items() {
				out.items = append(out.items, tokenValue(v, t[0]))
			}
			return out
		}},
		{sig: "static IEnumerable<T> Values<T>(this IEnumerable<JToken> v)", get: func(f *frame, t []*typ, a []any) any {
			out := &Array{elem: t[0]}
			for _, v := range tokenList(f, a[0], valuesOf) {
				out.items = append(out.items, tokenValue(v, t[0]))
			}
			return out
		}},
		{sig: "static IJEnumerable<JToken> Values(this IEnumerable<JToken> v)", get: func(f *frame, a []any) any { return tokens(f, a[0], valuesOf) }},
		{sig: "IJEnumerable<JToken> Children()", get: func(_ *frame, a []any) any { return tokenArray(a[0].(*JToken).kids()) }},
		{sig: "IJEnumerable<T> Children<T>()", get: func(_ *frame, t []*typ, a []any) any {
			out := &Array{elem: t[0]}
			for _, c := range a[0].(*JToken).kids() {
				if isInstance(c, t[0]) {
					out.items = append(out.items, c)
				}
			}
			return out
		}},
		{sig: "T ToObject<T>()", get: func(f *frame, t []*typ, a []any) any { return fromJSON(f, a[0].(*JToken), t[0]) }},
		{sig: "string ToString(Formatting f)", get: func(f *frame, a []any) any {
			s := a[0].(*JToken).JSON(num(a, 1) == 1)
			f.charge(len(s))
			return s
		}},
		{sig: "string ToString(IFormatProvider? f)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "string ToString()", get: func(f *frame, a []any) any { s := a[0].(*JToken).String(); f.charge(len(s)); return s }},
		{sig: "JToken SelectToken(string path)", get: selectToken}, {sig: "JToken SelectToken(string path, bool mustExist)", get: selectToken},
		{sig: "IEnumerable<JToken> SelectTokens(string path)", get: func(f *frame, a []any) any { return tokenArray(jsonPath(f, a[0].(*JToken), text(a, 1))) }},
		{sig: "JToken DeepClone()", get: func(f *frame, a []any) any { return copyToken(f, a[0].(*JToken)) }},
		{sig: "void Remove()", get: func(_ *frame, a []any) any { a[0].(*JToken).remove(); return nil }},
		{sig: "void Replace(JToken? v)", get: func(f *frame, a []any) any {
			v, _ := content(f, a[1]).(*JToken)
			a[0].(*JToken).replace(v)
			return nil
		}},
		{sig: "IEnumerable<JToken> Ancestors()", get: func(_ *frame, a []any) any {
			var out []*JToken
			for p := a[0].(*JToken).parent; p != nil; p = p.parent {
				out = append(out, p)
			}
			return tokenArray(out)
		}},
		{sig: "IEnumerable<JToken> Descendants()", get: func(f *frame, a []any) any { return tokenArray(a[0].(*JToken).descendants(f, nil)) }},
		{sig: "static JToken Parse(string s)", get: func(f *frame, a []any) any { return parseJSON(f.machine, text(a, 0)) }},
		{sig: "static JToken FromObject(object v)", get: func(f *frame, a []any) any { return jsonOf(content(f, a[0])) }},
		{sig: "static bool DeepEquals(JToken? a, JToken? b)", get: func(_ *frame, a []any) any {
			x, _ := a[0].(*JToken)
			y, _ := a[1].(*JToken)
			return x.deepEquals(y)
		}},
	}...)
	for _, w := range tokenConversions {
		from := w
		if w == "string" || w == "Uri" {
			from += "?"
		}
		conv := func(_ *frame, a []any) any { v, _ := a[0].(*JToken); return tokenTo(v, typeNamed(w)) }
		rows = append(rows, row{sig: "static implicit JToken(" + from + " v)", get: func(_ *frame, a []any) any { return jsonOf(a[0]) }},
			row{sig: "static explicit " + w + "(JToken? v)", get: conv})
		if t := w; t != "string" && t != "Uri" {
			rows = append(rows, row{sig: "static implicit JToken(" + w + "? v)", get: func(_ *frame, a []any) any { return jsonOf(a[0]) }},
				row{sig: "static explicit " + w + "?(JToken? v)", get: func(f *frame, a []any) any {
					if v, _ := a[0].(*JToken); v == nil || v.kind == JNull || v.kind == JUndefined {
						return nil
					}
					return conv(f, a)
				}})
		}
	}
	return append(rows, row{sig: "static implicit JToken(byte[]? v)", get: func(_ *frame, a []any) any { return jsonOf(a[0]) }},
		row{sig: "static explicit byte[](JToken? v)", get: func(f *frame, a []any) any {
			v, _ := a[0].(*JToken)
			if v == nil {
				return nil
			}
			if b, ok := v.value.([]byte); ok {
				return b
			}
			return decodeBase64(f, ToString(v.value))
		}})
}

// typeNamed resolves a C# word of the table.
func typeNamed(w string) *typ {
	if n, ok := keywords[w]; ok {
		w = n
	}
	return named("System." + w)
}

func tokens(f *frame, v any, get func(*JToken) []*JToken) any {
	return tokenArray(tokenList(f, v, get))
}

// valuesOf is what Values gives of one token: a value itself, else its children.
func valuesOf(t *JToken) []*JToken {
	switch t.kind {
	case JObject, JArray, JProperty:
		return t.Items()
	}
	return []*JToken{t}
}

func tokenList(f *frame, v any, get func(*JToken) []*JToken) []*JToken {
	var out []*JToken
	each(f, v, func(x any) bool {
		if t, ok := x.(*JToken); ok {
			out = append(out, get(t)...)
		}
		return true
	})
	return out
}

func (t *JToken) descendants(f *frame, out []*JToken) []*JToken {
	for _, c := range t.kids() {
		f.step(1)
		out = c.descendants(f, append(out, c))
	}
	return out
}

func tokenArray(list []*JToken) *Array {
	a := &Array{elem: &typ{def: types().token}, items: make([]any, len(list))}
	for i, t := range list {
		a.items[i] = t
	}
	return a
}

func tokenIndex(_ *frame, a []any) any {
	t := a[0].(*JToken)
	if name, ok := a[1].(string); ok {
		switch {
		case t.kind == JObject:
			return pointer(t.Get(name))
		case t.kind == JArray:
			throw("System.ArgumentException", "Accessed JArray values with invalid key value: %q. Int32 array index expected.", name)
		case t.kind == JProperty:
			throw("System.ArgumentException", "Accessed JProperty values with a key.")
		}
		throw("System.InvalidOperationException", "Cannot access child value on Newtonsoft.Json.Linq.JValue.")
	}
	i, ok := integer(a[1])
	if !ok {
		throw("System.ArgumentException", "Accessed JToken values with invalid key value.")
	}
	switch {
	case t.kind == JObject:
		throw("System.ArgumentException", "Accessed JObject values with invalid key value: %d. Object property name expected.", i)
	case !t.container():
		throw("System.InvalidOperationException", "Cannot access child value on Newtonsoft.Json.Linq.JValue.")
	case i < 0 || i >= int64(len(t.kids())):
		badIndex()
	}
	return t.kids()[i]
}

func tokenSet(f *frame, a []any) any {
	t := a[0].(*JToken)
	v, _ := content(f, a[2]).(*JToken)
	f.charge(2 * tokenBytes)
	if name, ok := a[1].(string); ok && t.kind == JObject {
		t.setProperty(name, v)
		return nil
	}
	old, _ := tokenIndex(f, a[:2]).(*JToken)
	old.replace(v)
	return nil
}

func (t *JToken) path() string {
	if t.parent == nil {
		return ""
	}
	up := t.parent.path()
	switch t.parent.kind {
	case JArray:
		for i, c := range t.parent.kids() {
			if c == t {
				return up + "[" + strconv.Itoa(i) + "]"
			}
		}
	case JObject:
		if strings.ContainsAny(t.name, ". '/\"[]()\t\n\r\f\b\\\u0085\u2028\u2029") {
			return up + "['" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(t.name) + "']"
		}
		if up != "" {
			up += "."
		}
		return up + t.name
	}
	return up
}

// deserialize reads a text; an empty one is null.
func deserialize(f *frame, s string, t *typ) any {
	if strings.TrimSpace(s) == "" {
		return zeroValue(t)
	}
	return fromJSON(f, parseJSON(f.machine, s), t)
}
