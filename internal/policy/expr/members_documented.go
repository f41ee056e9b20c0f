package expr

import (
	"net/netip"
	"strings"
)

// Documented types that few policies use: enumerators, tuples, addresses,
// writers and sources of random bytes.

// enumerator is IEnumerator<T>.
type enumerator struct {
	items []any
	at    int // -1 before the first
}

// tuple is System.Tuple<...>.
type tuple struct {
	items []any
	of    *typ // of a ValueTuple; nil: System.Tuple
}

// String is (a, b, c).
func (t *tuple) String() string {
	parts := make([]string, len(t.items))
	for i, v := range t.items {
		parts[i] = ToString(v)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// writer is StringWriter.
type writer struct{ b strings.Builder }

// String is what was written.
func (w *writer) String() string { return w.b.String() }

// ipAddress is System.Net.IPAddress.
type ipAddress struct{ a netip.Addr }

// String is the address in its usual form.
func (i ipAddress) String() string { return i.a.String() }

type randomBytes struct{}

func documentedTypes() []typeRow {
	out := []typeRow{
		{decl: "interface System.Collections.Generic.IEnumerator<T> : IDisposable", is: instance[*enumerator], rows: []row{
			{sig: "bool MoveNext()", get: func(f *frame, a []any) any {
				e := a[0].(*enumerator)
				f.step(1)
				e.at = min(e.at+1, len(e.items))
				return e.at < len(e.items)
			}},
			{sig: "T Current", get: func(_ *frame, a []any) any {
				e := a[0].(*enumerator)
				if e.at < 0 || e.at >= len(e.items) {
					throw("System.InvalidOperationException", "Enumeration has either not started or has already finished.")
				}
				return e.items[e.at]
			}},
			{sig: "void Reset()", get: func(_ *frame, a []any) any { a[0].(*enumerator).at = -1; return nil }},
		}},
		{decl: "class System.IO.TextWriter : IDisposable", is: instance[*writer], rows: writerRows()},
		{decl: "class System.IO.StringWriter : TextWriter", is: instance[*writer], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return &writer{} }},
			{sig: "StringBuilder GetStringBuilder()", get: func(_ *frame, a []any) any { return &builder{[]byte(a[0].(*writer).String())} }},
		}},
		{decl: "class System.Net.IPAddress", is: instance[ipAddress], rows: addressRows()},
		{decl: "enum System.Net.Sockets.AddressFamily", enum: "InterNetwork=2 InterNetworkV6=23"},
		{decl: "class " + cryptoSpace + "RNGCryptoServiceProvider : IDisposable", is: instance[randomBytes], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return randomBytes{} }},
			{sig: "void GetBytes(byte[] b)", get: func(f *frame, a []any) any { fillRandom(f, arg[[]byte](a, 1)); return nil }},
			{sig: "void GetNonZeroBytes(byte[] b)", get: func(f *frame, a []any) any {
				b := arg[[]byte](a, 1)
				fillRandom(f, b)
				for i := range b {
					b[i] |= byte(b2i(b[i] == 0))
				}
				return nil
			}},
		}},
		{decl: "class " + cryptoSpace + "Oid", is: instance[*oid], rows: []row{
			{sig: "new(string value)", get: func(_ *frame, a []any) any { return &oid{value: text(a, 0)} }},
			{sig: "new(string value, string name)", get: func(_ *frame, a []any) any { return &oid{text(a, 0), text(a, 1)} }},
			{sig: "string Value", get: func(v any) string { return v.(*oid).value }},
			{sig: "string FriendlyName", get: func(v any) string { return v.(*oid).name }},
		}},
	}
	return append(append(out, tupleTypes()...), valueTupleTypes()...)
}

type oid struct{ value, name string }

func fillRandom(f *frame, b []byte) {
	f.step(1 + len(b)/64)
	for i := range b {
		b[i] = byte(f.ctx.Random() >> 24)
	}
}

func writerRows() []row {
	rows := []row{
		{sig: "void Flush()", get: func(*frame, []any) any { return nil }},
		{sig: "void WriteLine()", get: func(f *frame, a []any) any { a[0].(*writer).write(f, newline); return nil }},
		{sig: "void WriteLine(object? v)", get: func(f *frame, a []any) any { a[0].(*writer).write(f, ToString(a[1])+newline); return nil }},
		{sig: "void Write(object? v)", get: func(f *frame, a []any) any { a[0].(*writer).write(f, ToString(a[1])); return nil }},
		{sig: "void Write(string s, params object[] v)", get: func(f *frame, a []any) any {
			a[0].(*writer).write(f, ToString(formatArray(f, text(a, 1), a[2])))
			return nil
		}},
		{sig: "void WriteLine(string s, params object[] v)", get: func(f *frame, a []any) any {
			a[0].(*writer).write(f, ToString(formatArray(f, text(a, 1), a[2]))+newline)
			return nil
		}},
	}
	return rows
}

func (w *writer) write(f *frame, s string) {
	f.charge(len(s))
	w.b.WriteString(s)
}

func addressRows() []row {
	parse := func(s string) (ipAddress, bool) {
		a, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(s), "[]"))
		return ipAddress{a}, err == nil
	}
	fixed := func(s string) func(*frame) any { return fixedValue(ipAddress{netip.MustParseAddr(s)}) }
	return []row{
		{sig: "new(byte[] b)", get: func(_ *frame, a []any) any {
			addr, ok := netip.AddrFromSlice(arg[[]byte](a, 0))
			if !ok {
				throw("System.ArgumentException", "An invalid IP address was specified.")
			}
			return ipAddress{addr}
		}},
		{sig: "static IPAddress Parse(string s)", get: func(_ *frame, a []any) any {
			addr, ok := parse(text(a, 0))
			if !ok {
				throw("System.FormatException", "An invalid IP address was specified.")
			}
			return addr
		}},
		{sig: "static bool TryParse(string? s, out IPAddress a)", get: func(_ *frame, a []any) any {
			addr, ok := parse(text(a, 0))
			if ok {
				a[1].(*outRef).set(addr)
			} else {
				a[1].(*outRef).set(nil)
			}
			return ok
		}},
		{sig: "static IPAddress Any", get: fixed("0.0.0.0")}, {sig: "static IPAddress Loopback", get: fixed("127.0.0.1")},
		{sig: "static IPAddress Broadcast", get: fixed("255.255.255.255")}, {sig: "static IPAddress None", get: fixed("255.255.255.255")},
		{sig: "static IPAddress IPv6Any", get: fixed("::")}, {sig: "static IPAddress IPv6Loopback", get: fixed("::1")},
		{sig: "static bool IsLoopback(IPAddress a)", get: func(_ *frame, a []any) any { return arg[ipAddress](a, 0).a.IsLoopback() }},
		{sig: "byte[] GetAddressBytes()", get: func(_ *frame, a []any) any { return a[0].(ipAddress).a.AsSlice() }},
		{sig: "System.Net.Sockets.AddressFamily AddressFamily", get: func(v any) int64 {
			if v.(ipAddress).a.Is4() {
				return 2
			}
			return 23
		}},
		{sig: "bool IsIPv4MappedToIPv6", get: func(v any) bool { return v.(ipAddress).a.Is4In6() }},
		{sig: "bool IsIPv6LinkLocal", get: func(v any) bool {
			a := v.(ipAddress).a
			return a.Is6() && a.IsLinkLocalUnicast()
		}},
		{sig: "IPAddress MapToIPv4()", get: func(_ *frame, a []any) any { return ipAddress{a[0].(ipAddress).a.Unmap()} }},
		{sig: "IPAddress MapToIPv6()", get: func(_ *frame, a []any) any { return ipAddress{netip.AddrFrom16(a[0].(ipAddress).a.As16())} }},
	}
}

// tupleTypes are Tuple and Tuple<...> of up to seven items.
func tupleTypes() []typeRow {
	letters := []string{"A", "B", "C", "D", "E", "F", "G"}
	create := func(_ *frame, _ []*typ, a []any) any { return &tuple{items: append([]any(nil), a...)} }
	static := typeRow{decl: "static System.Tuple"}
	var out []typeRow
	for n := 1; n <= len(letters); n++ {
		params := strings.Join(letters[:n], ",")
		var args []string
		var rows []row
		for i, l := range letters[:n] {
			args = append(args, l+" "+strings.ToLower(l))
			rows = append(rows, row{sig: l + " Item" + string(rune('1'+i)), get: func(_ *frame, a []any) any { return a[0].(*tuple).items[i] }})
		}
		list := strings.Join(args, ", ")
		rows = append(rows, row{sig: "new(" + list + ")", get: func(_ *frame, a []any) any { return &tuple{items: append([]any(nil), a...)} }})
		out = append(out, typeRow{decl: "class System.Tuple<" + params + ">", rows: rows,
			is: func(v any) bool { t, ok := v.(*tuple); return ok && t.of == nil && len(t.items) == n }})
		static.rows = append(static.rows, row{sig: "static Tuple<" + params + "> Create<" + params + ">(" + list + ")", get: create})
	}
	return append(out, static)
}

// valueTupleTypes are the types of (a, b).
func valueTupleTypes() []typeRow {
	letters := []string{"A", "B", "C", "D", "E", "F", "G"}
	create := func(_ *frame, t []*typ, a []any) any {
		return &tuple{items: append([]any(nil), a...), of: types().tupleOf(t, nil, 0)}
	}
	static := typeRow{decl: "static System.ValueTuple"}
	var out []typeRow
	for n := 1; n <= maxTuple; n++ {
		params := strings.Join(letters[:n], ",")
		var args []string
		var rows []row
		for i, l := range letters[:n] {
			args = append(args, l+" "+strings.ToLower(l))
			rows = append(rows, row{sig: l + " Item" + string(rune('1'+i)), get: func(v any) any { return v.(*tuple).items[i] }})
		}
		list := strings.Join(args, ", ")
		rows = append(rows, row{sig: "new(" + list + ")", get: create})
		out = append(out, typeRow{decl: "struct System.ValueTuple<" + params + ">", rows: rows,
			is: func(v any) bool { t, ok := v.(*tuple); return ok && t.of != nil && len(t.items) == n }})
		static.rows = append(static.rows, row{sig: "static ValueTuple<" + params + "> Create<" + params + ">(" + list + ")", get: create})
	}
	return append(out, static)
}
