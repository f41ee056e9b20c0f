package kql

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"

	"gatehouse/internal/store/lake"
)

// networkFunctions work on addresses with an optional prefix, as Kusto's do:
// the shortest prefix of all that are given counts.
func networkFunctions() []function {
	var out []function
	for _, v := range []string{"4", "6"} {
		out = append(out,
			function{"ipv" + v + "_compare", "ss?l", "l", "kql_ip_compare({0}, {1}, {2|128}, " + v + ")", unnamed},
			function{"ipv" + v + "_is_match", "ss?l", "b", "(kql_ip_compare({0}, {1}, {2|128}, " + v + ") = 0)", unnamed},
			function{"ipv" + v + "_is_in_any_range", "sj", "b", "kql_ip_in_any({0}, CAST({1} AS VARCHAR))", unnamed},
			function{"ipv" + v + "_is_in_any_range", "ss*", "b", "kql_ip_in_any({0}, CAST(json_array({1}{*}) AS VARCHAR))", unnamed})
	}
	return append(out,
		function{"parse_ipv4_mask", "sl", "l", "kql_parse_ipv4_mask({0}, {1})", unnamed},
		function{"parse_ipv6", "s", "s", "kql_parse_ipv6({0}, 128)", unnamed},
		function{"parse_ipv6_mask", "sl", "s", "kql_parse_ipv6({0}, {1})", unnamed},
		function{"ipv4_netmask_suffix", "s", "l", "kql_netmask_suffix({0})", unnamed},
		function{"ipv4_range_to_cidr_list", "ss", "j", "CAST(kql_cidr_list({0}, {1}) AS JSON)", unnamed},
		function{"format_ipv4", "l?l", "s", "kql_format_ipv4(CAST({0} AS VARCHAR), {1|32}, false)", unnamed},
		function{"format_ipv4", "s?l", "s", "kql_format_ipv4({0}, {1|32}, false)", unnamed},
		function{"format_ipv4_mask", "l?l", "s", "kql_format_ipv4(CAST({0} AS VARCHAR), {1|32}, true)", unnamed},
		function{"format_ipv4_mask", "s?l", "s", "kql_format_ipv4({0}, {1|32}, true)", unnamed},
		function{"has_ipv4", "ss", "b", "kql_has_ipv4({0}, CAST(json_array({1}) AS VARCHAR), false)", unnamed},
		function{"has_ipv4_prefix", "ss", "b", "kql_has_ipv4({0}, CAST(json_array({1}) AS VARCHAR), true)", unnamed},
		function{"has_any_ipv4", "sj", "b", "kql_has_ipv4({0}, CAST({1} AS VARCHAR), false)", unnamed},
		function{"has_any_ipv4", "ss*", "b", "kql_has_ipv4({0}, CAST(json_array({1}{*}) AS VARCHAR), false)", unnamed},
		function{"has_any_ipv4_prefix", "sj", "b", "kql_has_ipv4({0}, CAST({1} AS VARCHAR), true)", unnamed},
		function{"has_any_ipv4_prefix", "ss*", "b", "kql_has_ipv4({0}, CAST(json_array({1}{*}) AS VARCHAR), true)", unnamed})
}

func networkNatives() []lake.Function {
	return []lake.Function{
		native("parse_version", "s>s", func(a []any) any { return parseVersion(a[0].(string)) }),
		native("ip_compare", "ssll>l", func(a []any) any { return compareAddresses(a[0].(string), a[1].(string), a[2].(int64), a[3].(int64)) }),
		native("ip_in_any", "ss>b", func(a []any) any {
			p, ok := prefixOf(a[0].(string))
			if !ok {
				return nil
			}
			for _, text := range jsonTexts(a[1].(string)) {
				if q, ok := prefixOf(text); ok && q.Contains(p.Addr()) {
					return true
				}
			}
			return false
		}),
		native("parse_ipv4_mask", "sl>l", func(a []any) any {
			p, ok := masked(a[0].(string), a[1].(int64), 4)
			if !ok {
				return nil
			}
			return int64(numberOf4(p.Addr()))
		}),
		native("parse_ipv6", "sl>s", func(a []any) any {
			p, ok := masked(a[0].(string), a[1].(int64), 6)
			if !ok {
				return nil
			}
			return p.Addr().StringExpanded()
		}),
		native("netmask_suffix", "s>l", func(a []any) any {
			p, ok := prefixOf(a[0].(string))
			if !ok || !p.Addr().Is4() {
				return nil
			}
			return int64(p.Bits())
		}),
		native("cidr_list", "ss>s", func(a []any) any { return cidrList(a[0].(string), a[1].(string)) }),
		native("format_ipv4", "slb>s", func(a []any) any { return formatIPv4(a[0].(string), a[1].(int64), a[2].(bool)) }),
		native("has_ipv4", "ssb>b", func(a []any) any {
			for _, look := range jsonTexts(a[1].(string)) {
				if hasAddress(a[0].(string), look, a[2].(bool)) {
					return true
				}
			}
			return false
		}),
	}
}

// masked reads an address with the shorter one of its prefix and another. An
// address of version 4 is a mapped one of version 6 where that is asked for.
func masked(text string, length, version int64) (netip.Prefix, bool) {
	p, ok := prefixOf(text)
	if !ok || version == 4 && !p.Addr().Is4() {
		return p, false
	}
	addr, n := p.Addr(), p.Bits()
	if version == 6 && addr.Is4() {
		addr, n = netip.AddrFrom16(addr.As16()), n+96
	}
	if length < 0 {
		return p, false
	}
	q := netip.PrefixFrom(addr, int(min(int64(n), length)))
	return netip.PrefixFrom(maskAddr(q), q.Bits()), true
}

// maskAddr clears the bits behind the prefix; netip unmaps mapped addresses, which are wanted here.
func maskAddr(p netip.Prefix) netip.Addr {
	if p.Addr().Is4() {
		return p.Masked().Addr()
	}
	b := p.Addr().As16()
	for i := range b {
		keep := min(max(p.Bits()-8*i, 0), 8)
		b[i] &= byte(0xff << (8 - keep))
	}
	return netip.AddrFrom16(b)
}

func compareAddresses(a, b string, length, version int64) any {
	if version == 4 {
		length = min(length, 32)
	}
	p, ok := masked(a, length, version)
	q, also := masked(b, length, version)
	if !ok || !also {
		return nil
	}
	n := int64(min(p.Bits(), q.Bits()))
	p, _ = masked(a, n, version)
	q, _ = masked(b, n, version)
	x, y := p.Addr().As16(), q.Addr().As16()
	return int64(cmp.Compare(string(x[:]), string(y[:])))
}

func numberOf4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addressOf4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// formatIPv4 takes an address as text or as a number, and gives it with the bits behind the prefix cleared.
func formatIPv4(text string, length int64, withPrefix bool) any {
	var n uint64
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err == nil {
		if n > 0xffffffff {
			return ""
		}
		text = addressOf4(uint32(n)).String()
	}
	p, ok := masked(text, length, 4)
	if !ok || length > 32 {
		return ""
	}
	if withPrefix {
		return p.String()
	}
	return p.Addr().String()
}

// cidrList covers a range of addresses with as few prefixes as possible.
func cidrList(from, to string) any {
	a, ok := prefixOf(from)
	b, also := prefixOf(to)
	if !ok || !also || !a.Addr().Is4() || !b.Addr().Is4() {
		return nil
	}
	low, high := uint64(numberOf4(a.Addr())), uint64(numberOf4(b.Addr()))
	out := []string{}
	for low <= high {
		size := 32
		if low != 0 {
			size = min(size, bits.TrailingZeros64(low))
		}
		for low+1<<size-1 > high {
			size--
		}
		out = append(out, fmt.Sprintf("%s/%d", addressOf4(uint32(low)), 32-size))
		low += 1 << size
	}
	return jsonOf(out)
}

// hasAddress finds an address of version 4, or the start of one, with nothing
// that belongs to a longer term around it.
func hasAddress(text, look string, start bool) bool {
	if a, err := netip.ParseAddr(look); !start && (err != nil || !a.Is4()) {
		return false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], look)
		if i < 0 || look == "" {
			return false
		}
		at += i
		rest := text[at:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(rest)
		}
		found := strings.TrimRight(rest[:end], ".")
		a, err := netip.ParseAddr(found)
		before := at == 0 || !alphanumeric(rune(text[at-1]))
		after := end == len(rest) || !alphanumeric(rune(rest[end]))
		if err == nil && a.Is4() && before && after && (start || found == look) {
			return true
		}
		at++
	}
}

// parseVersion writes up to four numbers with eight digits each, so that texts
// compare as the versions do; "" for what is none.
func parseVersion(text string) any {
	parts := strings.Split(strings.TrimSpace(text), ".")
	if len(parts) > 4 {
		return ""
	}
	var out strings.Builder
	for i := range 4 {
		part := "0"
		if i < len(parts) {
			part = parts[i]
		}
		if part == "" || len(part) > 8 || strings.Trim(part, "0123456789") != "" {
			return ""
		}
		out.WriteString(strings.Repeat("0", 8-len(part)) + part)
	}
	return out.String()
}
