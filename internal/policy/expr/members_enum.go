package expr

import "slices"

func enumRows() []row {
	named := func(d *typeDef, s string, fold bool) any {
		v, ok := parseEnum(d, s, fold)
		if !ok {
			throw("System.ArgumentException", "Requested value '%s' was not found.", s)
		}
		return Enum{d, v}
	}
	fold := func(a []any, i int) bool { return i < len(a) && unboxBool(a[i]) }
	of := func(a []any) *typeDef {
		t := arg[*typ](a, 0)
		if !t.is(kEnum) {
			throw("System.ArgumentException", "Type provided must be an Enum. (Parameter 'enumType')")
		}
		return t.def
	}
	parse := func(_ *frame, a []any) any { return named(of(a), text(a, 1), fold(a, 2)) }
	parseT := func(_ *frame, t []*typ, a []any) any {
		return named(of([]any{t[0]}), text(a, 0), fold(a, 1))
	}
	name := func(d *typeDef, v any) any {
		n, _ := integer(v)
		if i := slices.Index(d.values, n); i >= 0 {
			return d.enum[i]
		}
		return nil
	}
	return []row{
		{sig: "bool HasFlag(Enum e)", get: func(_ *frame, a []any) any { return a[0].(Enum).v&a[1].(Enum).v == a[1].(Enum).v }},
		{sig: "string ToString(string? f)", get: func(_ *frame, a []any) any { return formatValue(a[0], text(a, 1)) }},
		{sig: "static bool TryParse<T>(string? s, out T value)", get: enumTryParse},
		{sig: "static bool TryParse<T>(string? s, bool ignoreCase, out T value)", get: enumTryParse},
		{sig: "static object Parse(Type t, string s)", get: parse}, {sig: "static object Parse(Type t, string s, bool ignoreCase)", get: parse},
		{sig: "static T Parse<T>(string s)", get: parseT}, {sig: "static T Parse<T>(string s, bool ignoreCase)", get: parseT},
		{sig: "static bool IsDefined(Type t, object v)", get: func(_ *frame, a []any) any {
			if s, ok := a[1].(string); ok {
				return slices.Contains(of(a).enum, s)
			}
			return name(of(a), a[1]) != nil
		}},
		{sig: "static string GetName(Type t, object v)", get: func(_ *frame, a []any) any { return name(of(a), a[1]) }},
		{sig: "static string[] GetNames(Type t)", get: func(_ *frame, a []any) any { return stringArray(of(a).enum) }},
		{sig: "static Array GetValues(Type t)", get: func(_ *frame, a []any) any {
			d := of(a)
			out := &Array{elem: &typ{def: d}}
			for _, v := range d.values {
				out.items = append(out.items, Enum{d, v})
			}
			return out
		}},
		{sig: "static object ToObject(Type t, object v)", get: func(_ *frame, a []any) any { return Enum{of(a), unboxInt(a[1])} }},
	}
}

func enumTryParse(_ *frame, t []*typ, a []any) any {
	out := a[len(a)-1].(*outRef)
	if !t[0].is(kEnum) {
		throw("System.ArgumentException", "Type provided must be an Enum. (Parameter 'enumType')")
	}
	e, ok := parseEnum(t[0].def, text(a, 0), len(a) == 3 && unboxBool(a[1]))
	out.set(Enum{t[0].def, e})
	return ok
}

// parseEnum reads a name, a number, or several names with commas.
func parseEnum(d *typeDef, s string, fold bool) (int64, bool) {
	total, found := int64(0), false
	for _, part := range splitTrim(s) {
		i := slices.IndexFunc(d.enum, func(n string) bool { return n == part || fold && equalFold(n, part, ordinalIgnoreCase) })
		if i >= 0 {
			total |= d.values[i]
		} else if n, err := parseInteger(part, 32, true, 10); err == nil {
			total |= n
		} else {
			return 0, false
		}
		found = true
	}
	return total, found
}

// flagsText names the bits of a [Flags] enumeration; "" when some have no name.
func (e Enum) flagsText() string {
	left, out := e.v, ""
	for i := len(e.def.values) - 1; i >= 0; i-- {
		v := e.def.values[i]
		if v == 0 || left&v != v {
			continue
		}
		left &^= v
		if out != "" {
			out = ", " + out
		}
		out = e.def.enum[i] + out
	}
	if left != 0 {
		return ""
	}
	return out
}

// typeCode is the TypeCode of a value.
func typeCode(v any) any {
	d := types().full["System.TypeCode"]
	name := "Object"
	switch v.(type) {
	case nil:
		name = "Empty"
	case string:
		name = "String"
	case Enum:
		name = "Int32"
	default:
		if t := typeOf(v).clrName(); slices.Contains(d.enum, t) {
			name = t
		}
	}
	return Enum{d, d.values[slices.Index(d.enum, name)]}
}
