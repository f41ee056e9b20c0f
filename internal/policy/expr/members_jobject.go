package expr

func objectRows() []row {
	return []row{
		{sig: "new()", get: func(*frame, []any) any { return NewJObject() }},
		{sig: "new(JObject o)", get: func(f *frame, a []any) any { return copyToken(f, arg[*JToken](a, 0)) }},
		{sig: "JProperty Property(string name, StringComparison c)", get: func(_ *frame, a []any) any { return pointer(a[0].(*JToken).propertyBy(text(a, 1), num(a, 2))) }},
		{sig: "bool TryGetValue(string name, StringComparison c, out JToken v)", get: func(_ *frame, a []any) any {
			p := a[0].(*JToken).propertyBy(text(a, 1), num(a, 2))
			if p == nil {
				a[3].(*outRef).set(nil)
				return false
			}
			a[3].(*outRef).set(p.kids()[0])
			return true
		}},
		{sig: "new(params object[] c)", get: func(f *frame, a []any) any {
			t := NewJObject()
			for _, v := range a[0].(*Array).items {
				t.addToObject(content(f, v))
			}
			return t
		}},
		{sig: "new(IEnumerable<JProperty> c)", get: func(f *frame, a []any) any {
			t := NewJObject()
			for _, v := range collect(f, a[0]) {
				t.addToObject(v)
			}
			return t
		}},
		{sig: "JToken this[string key]", get: func(v any, name string) any { return pointer(v.(*JToken).Get(name)) }, set: tokenSet},
		{sig: "void Add(string name, JToken? v)", get: func(f *frame, a []any) any {
			t := a[0].(*JToken)
			t.mustBeNew(text(a, 1))
			f.charge(128)
			v, _ := a[2].(*JToken)
			t.addProperty(text(a, 1), v)
			return nil
		}},
		{sig: "void Add(object? v)", get: listAdd},
		{sig: "bool ContainsKey(string key)", get: func(v any, name string) bool { return v.(*JToken).property(name) != nil }},
		{sig: "JProperty Property(string name)", get: func(v any, name string) any { return pointer(v.(*JToken).property(name)) }},
		{sig: "IEnumerable<JProperty> Properties()", get: func(_ *frame, a []any) any {
			t := tokenArray(a[0].(*JToken).kids())
			t.elem = named("Newtonsoft.Json.Linq.JProperty")
			return t
		}},
		{sig: "IEnumerable<JToken> PropertyValues()", get: func(_ *frame, a []any) any { return tokenArray(a[0].(*JToken).Items()) }},
		{sig: "JToken GetValue(string name)", get: func(v any, name string) any { return pointer(v.(*JToken).Get(name)) }},
		{sig: "JToken GetValue(string name, StringComparison c)", get: func(_ *frame, a []any) any {
			if p := a[0].(*JToken).propertyBy(text(a, 1), num(a, 2)); p != nil {
				return p.kids()[0]
			}
			return nil
		}},
		{sig: "bool TryGetValue(string name, out JToken v)", get: func(_ *frame, a []any) any {
			v := a[0].(*JToken).Get(text(a, 1))
			a[2].(*outRef).set(pointer(v))
			return v != nil
		}},
		{sig: "bool Remove(string name)", get: func(_ *frame, a []any) any {
			p := a[0].(*JToken).property(text(a, 1))
			if p == nil {
				return false
			}
			p.remove()
			return true
		}},
		{sig: "static JObject Parse(string s)", get: parseAs(JObject)},
		{sig: "static JObject FromObject(object v)", get: func(f *frame, a []any) any {
			t := jsonOf(content(f, a[0]))
			if t.kind != JObject {
				throw("System.ArgumentException", "Object serialized to %s. JObject instance expected.", jsonClass(t.kind))
			}
			return t
		}},
	}
}

func parseAs(k JTokenType) tableFunc {
	return func(f *frame, a []any) any {
		f.charge(len(text(a, 0)))
		return parseJSONAs(f.machine, text(a, 0), k)
	}
}

func arrayTokenRows() []row {
	create := func(f *frame, a []any) any {
		t := &JToken{kind: JArray}
		for _, v := range a {
			if s, ok := v.(string); ok {
				t.addContent(s)
				continue
			}
			t.addContent(content(f, v))
		}
		return t
	}
	return []row{
		{sig: "new()", get: create}, {sig: "new(JArray o)", get: func(f *frame, a []any) any { return copyToken(f, arg[*JToken](a, 0)) }},
		{sig: "new(params object[] c)", get: create}, {sig: "new(object c)", get: create},
		{sig: "JToken this[int i]", get: arrayGet, set: tokenSet}, {sig: "JToken this[object i]", get: tokenIndex, set: tokenSet},
		{sig: "void Add(JToken? v)", get: listAdd}, {sig: "void Add(object? v)", get: listAdd},
		{sig: "void Clear()", get: listClear},
		{sig: "static JArray Parse(string s)", get: parseAs(JArray)},
		{sig: "static JArray FromObject(object v)", get: func(f *frame, a []any) any {
			t := jsonOf(content(f, a[0]))
			if t.kind != JArray {
				throw("System.ArgumentException", "Object serialized to %s. JArray instance expected.", jsonClass(t.kind))
			}
			return t
		}},
	}
}

// propertyBy finds the exact name first, then by the comparison.
func (t *JToken) propertyBy(name string, kind int64) *JToken {
	if p := t.property(name); p != nil {
		return p
	}
	for _, p := range t.kids() {
		if equalFold(p.name, name, kind) {
			return p
		}
	}
	return nil
}
