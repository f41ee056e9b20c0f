package expr

import "math/big"

// tokenValue is Value<T>: null and missing give default(T).
func tokenValue(v *JToken, t *typ) any {
	u := types()
	switch {
	case t.as(u.token) != nil:
		if v != nil && !isInstance(v, t) {
			throw("System.InvalidCastException", "Cannot cast %s to %s.", jsonClass(v.kind), t)
		}
		return pointer(v)
	case v == nil || v.kind == JNull || v.kind == JUndefined:
		return zeroValue(t)
	case t.is(kNullable):
		if v.kind == JString && v.Value() == "" {
			return nil
		}
		return tokenTo(v, t.args[0])
	case t.def == u.object.def:
		if v.container() {
			return v
		}
		return v.Value()
	}
	return tokenTo(v, t)
}

func noConversion(v *JToken, t *typ) {
	kind := "Null"
	if v != nil {
		kind = Enum{types().full["Newtonsoft.Json.Linq.JTokenType"], int64(v.kind)}.String()
	}
	throw("System.ArgumentException", "Can not convert %s to %s.", kind, t.clrName())
}

// tokenTo is the explicit conversion of a token.
func tokenTo(v *JToken, t *typ) any {
	if v != nil && v.kind == JProperty && len(v.kids()) == 1 {
		v = v.kids()[0]
	}
	if v == nil || v.kind == JNull || v.kind == JUndefined {
		if t.nullable() {
			return nil
		}
		if v == nil {
			throw("System.ArgumentNullException", "Value cannot be null. (Parameter 'value')")
		}
		noConversion(v, t)
	}
	if v.container() {
		noConversion(v, t)
	}
	switch k := t.def.kind; {
	case k == kString:
		if d, ok := v.Value().(DateTime); ok {
			return d.format("MM/dd/yyyy HH:mm:ss")
		}
		return ToString(v.Value())
	case k == kBool:
		return toBool(v.Value())
	case k == kChar:
		return Char(charAt(ToString(v.Value()), 0))
	case t.integral():
		for _, i := range integerKinds {
			if i.name == t.clrName() {
				return boxInt(t, toInteger(v.Value(), i.bits, i.signed, 10))
			}
		}
	case k == kDecimal:
		if s, ok := v.Value().(string); ok {
			d, ok := parseDecimal(s)
			if !ok {
				badFormat()
			}
			return d
		}
		if n, ok := v.Value().(*big.Int); ok {
			return Decimal{n: n}
		}
		return toDecimal(v.Value())
	case k == kFloat64 || k == kFloat32:
		d := toDouble(v.Value())
		if k == kFloat32 {
			return float32(d)
		}
		return d
	}
	return tokenStruct(v, t)
}

func tokenStruct(v *JToken, t *typ) any {
	s := ToString(v.Value())
	if t.is(kEnum) {
		if n, ok := integer(v.Value()); ok {
			return Enum{t.def, n}
		}
		n, ok := parseEnum(t.def, s, true)
		if !ok {
			noConversion(v, t)
		}
		return Enum{t.def, n}
	}
	switch t.def.name {
	case "DateTime":
		switch d := v.Value().(type) {
		case DateTime:
			return d
		case DateTimeOffset:
			return DateTime{ticks: d.ticks}
		}
		return mustDate(s)
	case "DateTimeOffset":
		if d, ok := v.Value().(DateTime); ok {
			return DateTimeOffset{ticks: d.ticks}
		}
		return parseOffset(nil, []any{s})
	case "Guid":
		if g, ok := v.Value().(Guid); ok {
			return g
		}
		g, ok := parseGuid(s)
		if !ok {
			noConversion(v, t)
		}
		return g
	case "TimeSpan":
		d, ok := parseSpan(s)
		if !ok {
			noConversion(v, t)
		}
		return d
	case "Uri":
		return mustURI(s)
	}
	noConversion(v, t)
	return nil
}

// fromJSON is ToObject<T> and DeserializeObject<T>.
func fromJSON(f *frame, v *JToken, t *typ) any {
	u := types()
	f.step(1)
	switch {
	case t.as(u.token) != nil:
		return tokenValue(v, t)
	case v.kind == JNull:
		return zeroValue(t)
	case t.def == u.list || t.is(kArray) && !t.args[0].is(kUint8) || t.def.name == "IEnumerable" || t.def.name == "IList":
		if v.kind != JArray {
			noConversion(v, t)
		}
		out := &Array{elem: t.args[0], list: !t.is(kArray)}
		for _, c := range v.kids() {
			out.items = append(out.items, fromJSON(f, c, t.args[0]))
		}
		return out
	case t.is(kAnonymous) && v.kind == JObject:
		o := &Object{def: t.def, values: make([]any, len(t.def.fields))}
		for i, name := range t.def.fields {
			o.values[i] = zeroValue(t.def.types[i])
			for _, p := range v.kids() {
				if equalFold(p.name, name, ordinalIgnoreCase) {
					o.values[i] = fromJSON(f, p.kids()[0], t.def.types[i])
				}
			}
		}
		return o
	case t.def.name == "HashSet" && v.kind == JArray:
		set := newSet(t.args[0])
		for _, c := range v.kids() {
			set.add(fromJSON(f, c, t.args[0]))
		}
		return set
	case t.def.name == "Dictionary" || t.def.name == "IDictionary":
		if v.kind != JObject {
			noConversion(v, t)
		}
		d := newDictionary(t.args[0], t.args[1])
		for _, p := range v.kids() {
			d.set(p.name, fromJSON(f, p.kids()[0], t.args[1]))
		}
		return d
	}
	return tokenValue(v, t)
}
