package liquid

import (
	"slices"
	"strings"
)

func listFilters() []filter {
	return []filter{
		{"Compact", 0, 0, func(c *call) any {
			return slices.DeleteFunc(c.list(), func(v any) bool { return v == nil })
		}},
		{"First", 0, 0, func(c *call) any { return first(c.in) }},
		{"Join", 0, 1, join},
		{"Last", 0, 0, func(c *call) any { return last(c.in) }},
		{"Map", 1, 1, mapMember},
		{"Size", 0, 0, func(c *call) any {
			n, _ := size(c.in)
			return n
		}},
		{"Slice", 1, 2, slice},
		{"Sort", 0, 1, sorted},
		{"Uniq", 0, 0, unique},
	}
}

// list is a copy of the input's items as plain values.
func (c *call) list() []any {
	items := each(c.in)
	c.r.steps += len(items) / 4
	c.r.step(c.at)
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = plain(v)
	}
	return out
}

func join(c *call) any {
	if c.in == nil {
		return nil
	}
	glue := c.text(0, " ")
	var b strings.Builder
	for i, v := range c.list() {
		if i > 0 {
			b.WriteString(glue)
		}
		b.WriteString(textOf(v))
		c.r.charge(c.at, b.Len()/64)
		if b.Len() > maxOutput {
			fail(c.at, "a text is longer than %d bytes", maxOutput)
		}
	}
	return b.String()
}

func mapMember(c *call) any {
	if c.in == nil {
		return nil
	}
	list := c.list()
	name := c.text(0, "")
	for i, v := range list {
		list[i] = member(v, name)
	}
	return list
}

// slice cuts characters of a text or items of a list.
func slice(c *call) any {
	start, length := c.whole(0, 0), c.whole(1, 1)
	switch c.in.(type) {
	case nil:
		return nil
	case string, *Element:
		runes := []rune(textOf(c.in))
		c.r.charge(c.at, len(runes))
		if start > int64(len(runes)) {
			return nil
		}
		from, to := cut(start, length, int64(len(runes)))
		return string(runes[from:to])
	}
	list := c.list()
	from, to := cut(start, length, int64(len(list)))
	return list[from:to]
}

func cut(start, length, size int64) (from, to int64) {
	if start < 0 {
		start += size
		if start < 0 {
			length += start
			start = 0
		}
	}
	start = min(start, size)
	return start, start + min(max(length, 0), size-start)
}

// sorted orders by value or by a member; letter case does not count.
func sorted(c *call) any {
	if c.in == nil {
		return nil
	}
	list := c.list()
	name := c.text(0, "")
	key := func(v any) any {
		if name != "" {
			return member(v, name)
		}
		return v
	}
	slices.SortStableFunc(list, func(a, b any) int {
		c.r.step(c.at)
		a, b = key(a), key(b)
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		case b == nil:
			return 1
		}
		if f, ok := numeric(a); ok {
			if g, ok := numeric(b); ok {
				return cmpFloat(f, g)
			}
		}
		if order, ok := compare(a, b); ok && !isText(a) {
			return order
		}
		return strings.Compare(strings.ToLower(textOf(a)), strings.ToLower(textOf(b)))
	})
	return list
}

func isText(v any) bool {
	switch v.(type) {
	case string, *Element:
		return true
	}
	return false
}

func unique(c *call) any {
	if c.in == nil {
		return nil
	}
	seen := map[string]bool{}
	var out []any
	for _, v := range c.list() {
		key := textOf(v)
		c.r.charge(c.at, len(key))
		if !isText(v) {
			key = "\x00" + key
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}
