package expr

import "slices"

// insertBeside puts content before or after a token into its parent.
func (t *JToken) insertBeside(f *frame, v any, after int) {
	p := t.parent
	if p == nil {
		throw("System.InvalidOperationException", "The parent is missing.")
	}
	at := slices.Index(p.kids(), t) + after
	f.charge(128)
	more := &JToken{kind: p.kind}
	more.addContent(content(f, v))
	for i, c := range more.kids() {
		if c.above(p) {
			c = c.clone()
			more.kids()[i] = c
		}
		if p.kind == JObject {
			p.mustBeNew(c.name)
		} else if p.kind == JProperty {
			throw("Newtonsoft.Json.JsonException", "Newtonsoft.Json.Linq.JProperty cannot have multiple values.")
		}
		c.parent = p
	}
	p.list, p.index = slices.Insert(p.kids(), at, more.kids()...), nil
}

// beside is Next (1) and Previous (-1).
func (t *JToken) beside(step int) any {
	if t.parent == nil {
		return nil
	}
	i := slices.Index(t.parent.kids(), t) + step
	if i < 0 || i >= len(t.parent.kids()) {
		return nil
	}
	return t.parent.kids()[i]
}

// mergeSettings are JsonMergeSettings.
type mergeSettings struct{ arrays, nulls, names int64 }

// How Merge treats arrays.
const (
	mergeConcat  = 0
	mergeUnion   = 1
	mergeReplace = 2
)

func mergeRow(f *frame, a []any) any {
	s := &mergeSettings{}
	if len(a) > 2 {
		if given, ok := a[2].(*mergeSettings); ok {
			s = given
		}
	}
	t := a[0].(*JToken)
	f.charge(256)
	switch o := jsonOf(content(f, a[1])); {
	case t.kind == JArray && o.kind == JArray:
		t.mergeArray(f, o, s)
	case t.kind == JObject && o.kind == JObject:
		t.merge(f, o, s)
	}
	return nil
}

func (t *JToken) merge(f *frame, o *JToken, s *mergeSettings) {
	for _, p := range o.kids() {
		f.step(1)
		name := p.name
		mine := t.property(name)
		if mine == nil && s.names != 0 {
			if i := slices.IndexFunc(t.kids(), func(q *JToken) bool { return equalFold(q.name, name, s.names) }); i >= 0 {
				mine = t.kids()[i]
			}
		}
		switch v := p.kids()[0]; {
		case mine == nil:
			f.copiesAt(v, 1)
			t.addProperty(name, v)
		case v.kind == JNull:
			if s.nulls == 1 {
				t.setProperty(mine.name, v)
			}
		case mine.kids()[0].kind == JObject && v.kind == JObject:
			mine.kids()[0].merge(f, v, s)
		case mine.kids()[0].kind == JArray && v.kind == JArray:
			mine.kids()[0].mergeArray(f, v, s)
		default:
			f.copiesAt(v, 1)
			t.setProperty(mine.name, v)
		}
	}
}

func (t *JToken) mergeArray(f *frame, o *JToken, s *mergeSettings) {
	if s.arrays == mergeReplace {
		t.removeAll()
	}
	for i, c := range o.kids() {
		f.step(1)
		switch {
		case s.arrays == mergeUnion && slices.ContainsFunc(t.kids(), func(x *JToken) bool { f.step(1); return x.deepEquals(c) }):
		case s.arrays > mergeReplace && i < len(t.kids()):
			switch mine := t.kids()[i]; {
			case mine.kind == JObject && c.kind == JObject:
				mine.merge(f, c, s)
			case mine.kind == JArray && c.kind == JArray:
				mine.mergeArray(f, c, s)
			case c.kind != JNull:
				f.copiesAt(c, 1)
				mine.replace(c)
			}
		default:
			f.copiesAt(c, 1)
			t.list = append(t.kids(), t.adopt(c))
		}
	}
}

// editRows are the members of JToken and JContainer that walk beside and change.
func editRows() []row {
	self := func(list func(f *frame, t *JToken) []*JToken) tableFunc {
		return func(f *frame, a []any) any { return tokenArray(list(f, a[0].(*JToken))) }
	}
	up := func(t *JToken) (out []*JToken) {
		for ; t != nil; t = t.parent {
			out = append(out, t)
		}
		return out
	}
	around := func(t *JToken) ([]*JToken, int) {
		if t.parent == nil {
			return nil, -1
		}
		return t.parent.kids(), slices.Index(t.parent.kids(), t)
	}
	return []row{
		{sig: "JToken Next", get: func(v any) any { return v.(*JToken).beside(1) }}, {sig: "JToken Previous", get: func(v any) any { return v.(*JToken).beside(-1) }},
		{sig: "void AddAfterSelf(object? v)", get: func(f *frame, a []any) any { a[0].(*JToken).insertBeside(f, a[1], 1); return nil }},
		{sig: "void AddBeforeSelf(object? v)", get: func(f *frame, a []any) any { a[0].(*JToken).insertBeside(f, a[1], 0); return nil }},
		{sig: "IEnumerable<JToken> AncestorsAndSelf()", get: self(func(_ *frame, t *JToken) []*JToken { return up(t) })},
		{sig: "IEnumerable<JToken> DescendantsAndSelf()", get: self(func(f *frame, t *JToken) []*JToken { return t.descendants(f, []*JToken{t}) })},
		{sig: "IEnumerable<JToken> BeforeSelf()", get: self(func(_ *frame, t *JToken) []*JToken { s, i := around(t); return s[:max(i, 0)] })},
		{sig: "IEnumerable<JToken> AfterSelf()", get: self(func(_ *frame, t *JToken) []*JToken { s, i := around(t); return s[i+1:] })},
		{sig: "object ToObject(Type t)", get: func(f *frame, a []any) any { return fromJSON(f, a[0].(*JToken), arg[*typ](a, 1)) }},
		{sig: "string ToString(Formatting f, params JsonConverter[]? c)", get: func(f *frame, a []any) any {
			s := a[0].(*JToken).JSON(num(a, 1) == 1)
			f.charge(len(s))
			return s
		}},
		{sig: "static JTokenEqualityComparer EqualityComparer", get: fixedValue(tokenComparer{})},
	}
}

type tokenComparer struct{}

func jsonEditTypes() []typeRow {
	const ns = "Newtonsoft.Json.Linq."
	setting := func(name string, at func(*mergeSettings) *int64) row {
		return row{sig: name, get: func(v any) int64 { return *at(v.(*mergeSettings)) },
			set: func(_ *frame, a []any) any { *at(a[0].(*mergeSettings)) = num(a, 1); return nil }}
	}
	return []typeRow{
		{decl: "class Newtonsoft.Json.JsonConverter"},
		{decl: "enum " + ns + "MergeArrayHandling", enum: "Concat Union Replace Merge"}, {decl: "enum " + ns + "MergeNullValueHandling", enum: "Ignore Merge"},
		{decl: "class " + ns + "JsonMergeSettings", is: instance[*mergeSettings], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return &mergeSettings{names: ordinal} }},
			setting("MergeArrayHandling MergeArrayHandling", func(s *mergeSettings) *int64 { return &s.arrays }),
			setting("MergeNullValueHandling MergeNullValueHandling", func(s *mergeSettings) *int64 { return &s.nulls }),
			setting("StringComparison PropertyNameComparison", func(s *mergeSettings) *int64 { return &s.names }),
		}},
		{decl: "class " + ns + "JTokenEqualityComparer : IEqualityComparer<JToken>", is: instance[tokenComparer], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return tokenComparer{} }},
			{sig: "bool Equals(JToken? a, JToken? b)", get: func(_ *frame, a []any) any {
				x, _ := a[1].(*JToken)
				y, _ := a[2].(*JToken)
				return x.deepEquals(y)
			}},
		}},
		{decl: "interface " + ns + "IJEnumerable<T> : IEnumerable<T>", is: instance[*Array], rows: []row{
			{sig: "IJEnumerable<JToken> this[object key]", get: func(f *frame, a []any) any {
				key := a[1]
				return tokens(f, a[0], func(t *JToken) []*JToken {
					v, _ := tokenIndex(f, []any{t, key}).(*JToken)
					return one(v)
				})
			}},
		}},
	}
}
