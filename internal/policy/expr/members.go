package expr

import (
	"slices"
	"strings"
)

// memberTables is the whole table of types and members: what is not in it does
// not exist for policy expressions.
func memberTables() []typeRow {
	var all []typeRow
	for _, t := range [][]typeRow{
		coreTypes(), stringTypes(), numberTypes(), timeTypes(), collectionTypes(), linqTypes(), contextTypes(), messageTypes(),
		jsonTypes(), jsonEditTypes(), textTypes(), regexTypes(), cryptoTypes(), xmlTypes(), linqXMLTypes(), documentedTypes(), zoneTypes(), exceptionTypes(), extendedTypes(),
	} {
		all = append(all, t...)
	}
	return all
}

// arg reads an argument of a table function; the static types guarantee T
// unless it is null.
func arg[T any](a []any, i int) T {
	v, ok := a[i].(T)
	if !ok && a[i] == nil {
		throw("System.ArgumentNullException", "Value cannot be null.")
	}
	if !ok {
		throw("System.InvalidCastException", "Unable to cast object of type '%s'.", typeOf(a[i]).fullName())
	}
	return v
}

// instance tells values of one Go type.
func instance[T any](v any) bool { _, ok := v.(T); return ok }

// text reads a string argument; null is "".
func text(a []any, i int) string { s, _ := a[i].(string); return s }

func num(a []any, i int) int64 { return unboxInt(a[i]) }

// fixedValue is a static member that never changes.
func fixedValue(v any) func(*frame) any { return func(*frame) any { return v } }

// pointer gives a reference, nil pointers as null.
func pointer[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// typeOf is the run-time type of a value.
func typeOf(v any) *typ {
	u := types()
	named := func(full string, args ...*typ) *typ { return &typ{def: u.full[full], args: args} }
	switch x := v.(type) {
	case nil:
		return u.object
	case string:
		return u.str
	case bool:
		return u.boolean
	case int32:
		return u.int32
	case int64:
		return u.int64
	case float64:
		return u.float64
	case float32:
		return u.float32
	case Decimal:
		return u.decimal
	case Char:
		return u.char
	case uint8:
		return u.uint8
	case int8:
		return u.int8
	case int16:
		return u.int16
	case uint16:
		return u.uint16
	case uint32:
		return u.uint32
	case uint64:
		return u.uint64
	case Enum:
		return &typ{def: x.def}
	case []byte:
		return u.arrayOf(u.uint8)
	case *Array:
		if x.list {
			return u.make(u.list, x.elem)
		}
		return u.arrayOf(x.elem)
	case *Dictionary:
		return u.make(u.dictionary, x.k, x.v)
	case *Set:
		return named("System.Collections.Generic.HashSet`1", x.elem)
	case *Seq:
		return u.make(u.enumerable, x.elem)
	case *JToken:
		return &typ{def: u.full["Newtonsoft.Json.Linq."+jsonClass(x.kind)]}
	case *Object:
		return &typ{def: x.def}
	case *tuple:
		if x.of != nil {
			return x.of
		}
	case *Grid:
		return x.t
	case *exception:
		if d := u.full[x.Type]; d != nil {
			return &typ{def: d}
		}
		return &typ{def: u.exception}
	}
	for _, d := range u.full {
		if d.is != nil && d.kind != kFunc && len(d.params) == 0 && d.is(v) {
			return &typ{def: d}
		}
	}
	return u.object
}

func jsonClass(k JTokenType) string {
	switch k {
	case JObject:
		return "JObject"
	case JArray:
		return "JArray"
	case JProperty:
		return "JProperty"
	case JConstructor:
		return "JConstructor"
	case JRaw:
		return "JRaw"
	}
	return "JValue"
}

func coreTypes() []typeRow {
	return []typeRow{
		{decl: "class System.Object", rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return new(int) }},
			{sig: "string ToString()", get: func(v any) string { return ToString(v) }},
			{sig: "bool Equals(object? o)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
			{sig: "int GetHashCode()", get: func(v any) int64 { return hashCode(v) }},
			{sig: "Type GetType()", get: func(v any) any { return typeOf(v) }},
			{sig: "static bool Equals(object? a, object? b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
			{sig: "static bool ReferenceEquals(object? a, object? b)", get: func(_ *frame, a []any) any { return sameReference(a[0], a[1]) }},
		}},
		{decl: "struct System.Void"}, {decl: "class System.Null"},
		{decl: "class System.ArrayOf<T> : Array, IList<T>, IReadOnlyList<T>", rows: []row{
			{sig: "T this[int i]", get: arrayGet, set: arraySet},
			{sig: "T this[long i]", get: arrayGet, set: arraySet},
		}},
		gridType(2), gridType(3),
		{decl: "class System.Array", rows: slices.Concat(arrayRows(), arrayInstance(), arrayStatics(), arraySearch())},
		{decl: "static System.Buffer", rows: []row{
			{sig: "static void BlockCopy(Array from, int i, Array to, int j, int n)", get: func(f *frame, a []any) any {
				from, ok := a[0].([]byte)
				to, ok2 := a[2].([]byte)
				if !ok || !ok2 {
					throw("System.ArgumentException", "Object must be an array of bytes.")
				}
				return copyArray(f, from, num(a, 1), to, num(a, 3), num(a, 4))
			}},
			{sig: "static int ByteLength(Array a)", get: func(_ *frame, a []any) any { return int32(len(arg[[]byte](a, 0))) }},
		}},
		{decl: "class System.Nullable<T>", rows: []row{
			{sig: "bool HasValue", get: func(_ *frame, a []any) any { return a[0] != nil }},
			{sig: "T Value", get: func(v any) any {
				if v == nil {
					throw("System.InvalidOperationException", "Nullable object must have a value.")
				}
				return v
			}},
			{sig: "string ToString()", get: func(v any) string { return ToString(v) }},
			{sig: "int GetHashCode()", get: func(v any) int64 { return hashCode(v) }},
			{sig: "bool Equals(object? o)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
			{sig: "T GetValueOrDefault()", get: func(_ *frame, t []*typ, a []any) any { return orZero(a[0], t[0]) }},
			{sig: "T GetValueOrDefault(T d)", get: func(_ *frame, a []any) any {
				if a[0] == nil {
					return a[1]
				}
				return a[0]
			}},
		}},
		{decl: "class System.Type", is: instance[*typ], rows: []row{
			{sig: "string Name", get: func(v any) string { return v.(*typ).clrName() }},
			{sig: "string ToString()", get: func(v any) string { return v.(*typ).fullName() }},
			{sig: "bool IsArray", get: func(v any) bool { return v.(*typ).rank() > 0 }}, {sig: "bool IsEnum", get: func(v any) bool { return v.(*typ).is(kEnum) }},
			{sig: "string FullName", get: func(v any) string { return v.(*typ).fullName() }},
			{sig: "static bool op_==(Type? a, Type? b)", get: func(_ *frame, a []any) any {
				x, _ := a[0].(*typ)
				y, _ := a[1].(*typ)
				return x == nil && y == nil || x != nil && y != nil && same(x, y)
			}},
		}},
		{decl: "interface System.IDisposable", rows: []row{{sig: "void Dispose()", get: func(*frame, []any) any { return nil }}}},
		{decl: "interface System.IComparable", rows: []row{{sig: "int CompareTo(object? v)", get: compareToObject}}},
		{decl: "interface System.IConvertible", rows: []row{{sig: "TypeCode GetTypeCode()", get: func(_ *frame, a []any) any { return typeCode(a[0]) }}}},
		{decl: "interface System.IFormatProvider"},
		{decl: "class System.Enum : IComparable, IConvertible", rows: enumRows()},
		{decl: "delegate System.Func<R>"}, {decl: "delegate System.Func<A,R>"}, {decl: "delegate System.Func<A,B,R>"},
		{decl: "delegate System.Func<A,B,C,R>"}, {decl: "delegate System.Func<A,B,C,D,R>"},
		{decl: "delegate System.Action"}, {decl: "delegate System.Action<A>"}, {decl: "delegate System.Action<A,B>"}, {decl: "delegate System.Action<A,B,C>"},
		{decl: "delegate System.Predicate<A>"}, {decl: "delegate System.Comparison<A>"},
		{decl: "struct System.Guid", is: instance[Guid], rows: guidRows()},
		{decl: "class System.Random", is: instance[*random], rows: randomRows()},
		{decl: "class System.Uri", is: instance[*URI], rows: uriRows()},
		{decl: "enum System.UriPartial", enum: "Scheme Authority Path Query"},
		{decl: "enum System.UriHostNameType", enum: "Unknown Basic Dns IPv4 IPv6"},
		{decl: "enum System.UriKind", enum: "RelativeOrAbsolute Absolute Relative"},
		{decl: "class System.UriBuilder", is: instance[*uriBuilder], rows: uriBuilderRows()},
		{decl: "static System.Environment", rows: []row{{sig: "static string NewLine", get: fixedValue(newline)}}},
		{decl: "static System.BitConverter", rows: bitConverterRows()},
		{decl: "static System.Convert", rows: convertRows()},
		{decl: "class System.Globalization.CultureInfo : IFormatProvider", is: instance[culture], rows: []row{
			{sig: "static CultureInfo InvariantCulture", get: fixedValue(culture{})},
			{sig: "static CultureInfo CurrentCulture", get: fixedValue(culture{})},
			{sig: "new(string name)", get: func(*frame, []any) any { return culture{} }},
		}},
		{decl: "enum System.Globalization.UnicodeCategory", enum: unicodeNames},
		{decl: "flags System.Globalization.NumberStyles", enum: "None=0 AllowLeadingWhite=1 AllowTrailingWhite=2 AllowLeadingSign=4 Integer=7 AllowTrailingSign=8 AllowParentheses=16 AllowDecimalPoint=32 AllowThousands=64 Number=111 AllowExponent=128 Float=167 AllowCurrencySymbol=256 Currency=383 Any=511 AllowHexSpecifier=512 HexNumber=515"},
		{decl: "flags System.Globalization.DateTimeStyles", enum: "None=0 AllowLeadingWhite=1 AllowTrailingWhite=2 AllowInnerWhite=4 AllowWhiteSpaces=7 NoCurrentDateDefault=8 AdjustToUniversal=16 AssumeLocal=32 AssumeUniversal=64 RoundtripKind=128"},
	}
}

type culture struct{}

func orZero(v any, t *typ) any {
	if v == nil {
		return zeroValue(t)
	}
	return v
}

func (t *typ) clrName() string {
	if rank := t.rank(); rank > 0 {
		return t.args[0].clrName() + "[" + strings.Repeat(",", rank-1) + "]"
	}
	full := t.def.full
	for i := len(full) - 1; i >= 0; i-- {
		if full[i] == '.' {
			return arity(full[i+1:], len(t.args))
		}
	}
	return full
}

// hashCode is stable within and across runs.
func hashCode(v any) int64 {
	switch x := v.(type) {
	case int32:
		return int64(x)
	case bool:
		return b2i(x)
	}
	h := uint32(2166136261)
	for _, c := range []byte(ToString(v)) {
		h = (h ^ uint32(c)) * 16777619
	}
	return int64(int32(h))
}

// compareToObject is CompareTo(object): a value of another type is an error.
func compareToObject(_ *frame, a []any) any {
	if a[1] != nil && !same(typeOf(a[0]), typeOf(a[1])) {
		throw("System.ArgumentException", "Object must be of type %s.", typeOf(a[0]).clrName())
	}
	return int32(compareValues(a[0], a[1]))
}

func splitTrim(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
