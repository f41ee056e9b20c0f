package expr

// builder is a StringBuilder.
type builder struct{ b []byte }

func builderRows() []row {
	add := func(f *frame, b *builder, s string) any {
		f.charge(len(s))
		b.b = append(b.b, s...)
		return b
	}
	appendOne := func(f *frame, a []any) any { return add(f, a[0].(*builder), ToString(a[1])) }
	edit := func(change func(f *frame, s string, a []any) string) tableFunc {
		return func(f *frame, a []any) any {
			b := a[0].(*builder)
			s := change(f, string(b.b), a)
			f.charge(len(s))
			b.b = []byte(s)
			return b
		}
	}
	return []row{
		{sig: "new()", get: func(*frame, []any) any { return &builder{} }}, {sig: "new(int n)", get: func(*frame, []any) any { return &builder{} }},
		{sig: "new(string? s)", get: func(_ *frame, a []any) any { return &builder{[]byte(text(a, 0))} }},
		{sig: "StringBuilder Append(string? s)", get: appendOne}, {sig: "StringBuilder Append(object? s)", get: appendOne},
		{sig: "new(string? s, int n)", get: func(_ *frame, a []any) any { return &builder{[]byte(text(a, 0))} }},
		{sig: "StringBuilder Append(char[]? c)", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), charsText(a[1])) }},
		{sig: "StringBuilder Append(string? s, int i, int n)", get: func(f *frame, a []any) any {
			return add(f, a[0].(*builder), substring(text(a, 1), num(a, 2), max(num(a, 3), 0)))
		}},
		{sig: "StringBuilder AppendJoin(string? sep, params string[] v)", get: func(f *frame, a []any) any {
			return add(f, a[0].(*builder), joinTexts(f, text(a, 1), a[2]).(string))
		}},
		{sig: "StringBuilder AppendJoin<T>(string? sep, IEnumerable<T> v)", get: func(f *frame, _ []*typ, a []any) any {
			return add(f, a[0].(*builder), joinTexts(f, text(a, 1), a[2]).(string))
		}},
		{sig: "StringBuilder AppendFormat(IFormatProvider? c, string s, params object[] p)", get: func(f *frame, a []any) any {
			return add(f, a[0].(*builder), formatArray(f, text(a, 2), a[3]).(string))
		}},
		{sig: "StringBuilder Insert(int i, object? s)", get: edit(func(f *frame, s string, a []any) string {
			return substring(s, 0, max(num(a, 1), 0)) + ToString(a[2]) + substring(s, num(a, 1), -1)
		})},
		{sig: "string ToString(int i, int n)", get: func(_ *frame, a []any) any { return substring(a[0].(*builder).String(), num(a, 1), max(num(a, 2), 0)) }},
		{sig: "int Capacity", get: func(v any) int64 { return int64(max(cap(v.(*builder).b), 16)) }, set: func(*frame, []any) any { return nil }},
		{sig: "int EnsureCapacity(int n)", get: func(_ *frame, a []any) any { return int32(max(int64(cap(a[0].(*builder).b)), num(a, 1), 16)) }},
		{sig: "bool Equals(StringBuilder? o)", get: func(_ *frame, a []any) any {
			o, ok := a[1].(*builder)
			return ok && string(o.b) == string(a[0].(*builder).b)
		}},
		{sig: "StringBuilder Append(char c, int n)", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), repeat(f, ToString(a[1]), num(a, 2))) }},
		{sig: "StringBuilder AppendLine()", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), newline) }},
		{sig: "StringBuilder AppendLine(string? s)", get: func(f *frame, a []any) any { return add(f, a[0].(*builder), text(a, 1)+newline) }},
		{sig: "StringBuilder AppendFormat(string s, params object[] p)", get: func(f *frame, a []any) any {
			return add(f, a[0].(*builder), formatArray(f, text(a, 1), a[2]).(string))
		}},
		{sig: "StringBuilder Clear()", get: func(_ *frame, a []any) any { a[0].(*builder).b = nil; return a[0] }},
		{sig: "StringBuilder Insert(int i, string? s)", get: edit(func(f *frame, s string, a []any) string {
			return substring(s, 0, max(num(a, 1), 0)) + text(a, 2) + substring(s, num(a, 1), -1)
		})},
		{sig: "StringBuilder Remove(int i, int n)", get: edit(func(f *frame, s string, a []any) string {
			return substring(s, 0, max(num(a, 1), 0)) + substring(s, num(a, 1)+num(a, 2), -1)
		})},
		{sig: "StringBuilder Replace(string x, string? y)", get: edit(func(f *frame, s string, a []any) string { return replaceAll(f, s, text(a, 1), text(a, 2)) })},
		{sig: "StringBuilder Replace(char x, char y)", get: edit(func(f *frame, s string, a []any) string {
			return replaceAll(f, s, ToString(a[1]), ToString(a[2]))
		})},
		{sig: "int Length", get: func(v any) int64 { return int64(length16(v.(*builder).String())) }, set: func(_ *frame, a []any) any {
			b := a[0].(*builder)
			b.b = []byte(substring(string(b.b), 0, max(num(a, 1), 0)))
			return nil
		}},
		{sig: "char this[int i]", get: func(_ *frame, a []any) any { return Char(charAt(a[0].(*builder).String(), num(a, 1))) }, set: func(f *frame, a []any) any {
			b := a[0].(*builder)
			u := units(b.String())
			if i := num(a, 1); i < 0 || i >= int64(len(u)) {
				badIndex()
			}
			f.charge(len(b.b))
			u[num(a, 1)] = uint16(unboxInt(a[2]))
			b.b = []byte(fromUnits(u))
			return nil
		}},
	}
}
