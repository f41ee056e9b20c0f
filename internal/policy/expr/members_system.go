package expr

import (
	"encoding/binary"
	"strings"
)

func guidRows() []row {
	return append([]row{
		{sig: "static Guid NewGuid()", get: func(f *frame, _ []any) any {
			var g Guid
			binary.BigEndian.PutUint64(g[:8], f.ctx.Random())
			binary.BigEndian.PutUint64(g[8:], f.ctx.Random())
			g[6], g[8] = g[6]&0x0F|0x40, g[8]&0x3F|0x80
			return g
		}},
		{sig: "static Guid Empty", get: fixedValue(Guid{})},
		{sig: "new(string s)", get: func(_ *frame, a []any) any { return mustGuid(text(a, 0)) }},
		{sig: "new(byte[] b)", get: func(_ *frame, a []any) any {
			b := arg[[]byte](a, 0)
			if len(b) != 16 {
				throw("System.ArgumentException", "Byte array for Guid must be exactly 16 bytes long.")
			}
			var g Guid
			copy(g[:], b)
			copy(g[:], g.bytes())
			return g
		}},
		{sig: "new()", get: func(*frame, []any) any { return Guid{} }},
		{sig: "static Guid Parse(string s)", get: func(_ *frame, a []any) any { return mustGuid(text(a, 0)) }},
		{sig: "static bool TryParse(string? s, out Guid g)", get: func(_ *frame, a []any) any {
			g, ok := parseGuid(text(a, 0))
			a[1].(*outRef).set(g)
			return ok
		}},
		{sig: "new(int a, short b, short c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)", get: func(_ *frame, a []any) any {
			var g Guid
			binary.BigEndian.PutUint32(g[:], uint32(num(a, 0)))
			binary.BigEndian.PutUint16(g[4:], uint16(num(a, 1)))
			binary.BigEndian.PutUint16(g[6:], uint16(num(a, 2)))
			for i := range 8 {
				g[8+i] = byte(num(a, 3+i))
			}
			return g
		}},
		{sig: "static Guid ParseExact(string s, string f)", get: func(_ *frame, a []any) any {
			g, ok := exactGuid(text(a, 0), text(a, 1))
			if !ok {
				throw("System.FormatException", "Unrecognized Guid format.")
			}
			return g
		}},
		{sig: "static bool TryParseExact(string? s, string? f, out Guid g)", get: func(_ *frame, a []any) any {
			g, ok := exactGuid(text(a, 0), text(a, 1))
			a[2].(*outRef).set(g)
			return ok
		}},
		{sig: "byte[] ToByteArray()", get: func(_ *frame, a []any) any { return a[0].(Guid).bytes() }},
		{sig: "int CompareTo(Guid g)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "bool Equals(Guid g)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
	}, formatRows()...)
}

// exactGuid takes only the text that the format would give.
func exactGuid(s, format string) (Guid, bool) {
	g, ok := parseGuid(s)
	if !ok || !strings.EqualFold(g.format(format), strings.TrimSpace(s)) {
		return Guid{}, false
	}
	return g, true
}

func mustGuid(s string) Guid {
	g, ok := parseGuid(s)
	if !ok {
		throw("System.FormatException", "Unrecognized Guid format.")
	}
	return g
}

// random is System.Random: from a seed, or from the source of the request.
type random struct {
	state uint64
	seed  bool
}

func (r *random) next(f *frame) uint64 {
	if !r.seed {
		return f.ctx.Random()
	}
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *random) between(f *frame, lo, hi int64) any {
	if lo > hi {
		throw("System.ArgumentOutOfRangeException", "'minValue' cannot be greater than maxValue.")
	}
	if lo == hi {
		return int32(lo)
	}
	return int32(lo + int64(r.next(f)%uint64(hi-lo)))
}

func randomRows() []row {
	return []row{
		{sig: "new()", get: func(*frame, []any) any { return &random{} }},
		{sig: "new(int seed)", get: func(_ *frame, a []any) any { return &random{uint64(num(a, 0)), true} }},
		{sig: "int Next()", get: func(f *frame, a []any) any { return a[0].(*random).between(f, 0, 1<<31-1) }},
		{sig: "int Next(int hi)", get: func(f *frame, a []any) any { return a[0].(*random).between(f, 0, num(a, 1)) }},
		{sig: "int Next(int lo, int hi)", get: func(f *frame, a []any) any { return a[0].(*random).between(f, num(a, 1), num(a, 2)) }},
		{sig: "double NextDouble()", get: func(f *frame, a []any) any { return float64(a[0].(*random).next(f)>>11) / (1 << 53) }},
		{sig: "void NextBytes(byte[] b)", get: func(f *frame, a []any) any {
			for i := range arg[[]byte](a, 1) {
				a[1].([]byte)[i] = byte(a[0].(*random).next(f))
			}
			return nil
		}},
	}
}
