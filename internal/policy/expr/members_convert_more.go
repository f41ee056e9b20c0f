package expr

import "strings"

// convertDecimal is Convert.ToDecimal.
func convertDecimal(_ *frame, a []any) any {
	switch x := plain(a[0]).(type) {
	case nil:
		return Decimal{}
	case bool:
		return toDecimal(int32(b2i(x)))
	case string:
		d, ok := styledDecimal(x, styleNumber)
		if !ok {
			badFormat()
		}
		return d
	default:
		if _, ok := number(x); ok {
			return toDecimal(x)
		}
	}
	throw("System.InvalidCastException", "Unable to convert a value of type '%s' to a number.", typeOf(a[0]))
	return nil
}

// convertDate is Convert.ToDateTime.
func convertDate(_ *frame, a []any) any {
	switch d := plain(a[0]).(type) {
	case nil:
		return DateTime{}
	case DateTime:
		return d
	case string:
		return mustDate(d)
	}
	throw("System.InvalidCastException", "Invalid cast from '%s' to 'DateTime'.", typeOf(a[0]))
	return nil
}

func convertChar(_ *frame, a []any) any {
	if s, ok := plain(a[0]).(string); ok {
		u := units(s)
		if len(u) != 1 {
			throw("System.FormatException", "String must be exactly one character long.")
		}
		return Char(u[0])
	}
	return Char(toInteger(plain(a[0]), 16, false, 10))
}

// changeType is Convert.ChangeType for the types that have a TypeCode.
func changeType(_ *frame, a []any) any {
	name := ""
	switch t := a[1].(type) {
	case *typ:
		if isInstance(a[0], t) {
			return a[0]
		}
		name = t.clrName()
	case Enum:
		name = t.String()
	}
	for _, k := range integerKinds {
		if k.name == name {
			return boxInt(typeNamed(k.word), toInteger(plain(a[0]), k.bits, k.signed, 10))
		}
	}
	switch name {
	case "String":
		return ToString(a[0])
	case "Boolean":
		return toBool(a[0])
	case "Double":
		return toDouble(a[0])
	case "Single":
		return float32(toDouble(a[0]))
	case "Decimal":
		return convertDecimal(nil, a[:1])
	case "DateTime":
		return convertDate(nil, a[:1])
	case "Char":
		return convertChar(nil, a[:1])
	}
	throw("System.InvalidCastException", "Invalid cast from '%s' to '%s'.", typeOf(a[0]), name)
	return nil
}

func convertBase64(f *frame, a []any) any {
	b := arg[[]byte](a, 0)
	lines := false
	if e, ok := a[len(a)-1].(Enum); ok {
		lines, a = e.v == 1, a[:len(a)-1]
	}
	if len(a) == 3 {
		i, n := num(a, 1), num(a, 2)
		if i < 0 || n < 0 || i+n > int64(len(b)) {
			throw("System.ArgumentOutOfRangeException", "Offset and length must refer to a position in the string. (Parameter 'offset')")
		}
		b = b[i : i+n]
	}
	f.charge(len(b) * 4 / 3)
	s := encodeBase64(b)
	if !lines {
		return s
	}
	var out strings.Builder
	for ; len(s) > 76; s = s[76:] {
		out.WriteString(s[:76] + "\r\n")
	}
	return out.String() + s
}

// convertMore are the overloads with a format provider and the rest of Convert.
func convertMore() []row {
	rows := []row{
		{sig: "static object ChangeType(object? v, Type t)", get: changeType}, {sig: "static object ChangeType(object? v, Type t, IFormatProvider? p)", get: changeType},
		{sig: "static object ChangeType(object? v, TypeCode t)", get: changeType}, {sig: "static object ChangeType(object? v, TypeCode t, IFormatProvider? p)", get: changeType},
		{sig: "static TypeCode GetTypeCode(object? v)", get: func(_ *frame, a []any) any { return typeCode(a[0]) }},
		{sig: "static bool IsDBNull(object? v)", get: func(*frame, []any) any { return false }},
		{sig: "static string ToBase64String(byte[] b)", get: convertBase64}, {sig: "static string ToBase64String(byte[] b, Base64FormattingOptions o)", get: convertBase64},
		{sig: "static string ToBase64String(byte[] b, int i, int n)", get: convertBase64},
		{sig: "static string ToBase64String(byte[] b, int i, int n, Base64FormattingOptions o)", get: convertBase64},
		{sig: "static byte[] FromBase64CharArray(char[] c, int i, int n)", get: func(f *frame, a []any) any {
			return decodeBase64(f, substring(charsText(a[0]), num(a, 1), max(num(a, 2), 0)))
		}},
		{sig: "static string ToString(byte v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(num(a, 0)), num(a, 0), num(a, 1)) }},
		{sig: "static string ToString(short v, int base)", get: func(_ *frame, a []any) any { return inBase(uint64(uint16(num(a, 0))), num(a, 0), num(a, 1)) }},
	}
	for _, c := range []struct {
		sig string
		get tableFunc
	}{
		{"bool ToBoolean", func(_ *frame, a []any) any { return toBool(a[0]) }},
		{"double ToDouble", func(_ *frame, a []any) any { return toDouble(a[0]) }},
		{"float ToSingle", func(_ *frame, a []any) any { return float32(toDouble(a[0])) }},
		{"decimal ToDecimal", convertDecimal}, {"DateTime ToDateTime", convertDate}, {"char ToChar", convertChar},
	} {
		for _, form := range []string{"(object? v)", "(string? v)", "(object? v, IFormatProvider? p)", "(string? v, IFormatProvider? p)"} {
			rows = append(rows, row{sig: "static " + c.sig + form, get: c.get})
		}
	}
	return rows
}
