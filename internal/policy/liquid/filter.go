package liquid

import (
	"slices"
	"strings"
)

// filter is one of the filters of set-body.
type filter struct {
	name     string // as Azure spells it
	min, max int    // how many arguments it takes
	apply    func(f *call) any
}

// call is one use of a filter.
type call struct {
	r    *run
	at   int
	in   any
	args []any
}

// text is an argument as text, fallback when it is absent.
func (c *call) text(i int, fallback string) string {
	if i >= len(c.args) {
		return fallback
	}
	return textOf(c.args[i])
}

func (c *call) whole(i int, fallback int64) int64 {
	if i >= len(c.args) || c.args[i] == nil {
		return fallback
	}
	n, ok := wholeOf(c.args[i])
	if !ok {
		fail(c.at, "a filter takes a whole number here")
	}
	return n
}

// textual makes a filter of a function on text; null stays null.
func textual(f func(c *call, s string) string) func(c *call) any {
	return func(c *call) any {
		if c.in == nil {
			return nil
		}
		s := textOf(c.in)
		c.r.charge(c.at, len(s))
		out := f(c, s)
		c.r.charge(c.at, len(out))
		return out
	}
}

func simply(f func(s string) string) func(c *call) any {
	return textual(func(_ *call, s string) string { return f(s) })
}

// find looks a filter up by its name in either spelling: DividedBy, divided_by.
func find(name string) *filter {
	plain := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	for _, list := range [...][]filter{textFilters(), numberFilters(), listFilters()} {
		if i := slices.IndexFunc(list, func(f filter) bool { return strings.ToLower(f.name) == plain }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// filter reads a filter and its arguments.
func (w *words) filter(in expression) expression {
	at := w.at
	name := w.name("a filter")
	f := find(name)
	if f == nil {
		fail(at, "unknown filter %q: Azure knows Abs, Append, AtLeast, AtMost, Capitalize, Compact, Currency, Date, Default, DividedBy, Downcase, Escape, First, H, Join, Last, Lstrip, Map, Minus, Modulo, NewlineToBr, Plus, Prepend, Remove, RemoveFirst, Replace, ReplaceFirst, Round, Rstrip, Size, Slice, Sort, Split, Strip, StripHtml, StripNewlines, Times, Truncate, TruncateWords, Uniq, Upcase, UrlDecode and UrlEncode", name)
	}
	if name != f.name {
		w.p.warn(at, "the filter "+name+" is spelled "+f.name+" in Azure, which does nothing for another spelling")
	}
	var args []expression
	if w.is(":") {
		args = append(args, w.value())
		for w.is(",") {
			args = append(args, w.value())
		}
	}
	if len(args) < f.min || len(args) > f.max {
		fail(at, "the filter %s takes %s, this has %d", f.name, arguments(f.min, f.max), len(args))
	}
	return func(r *run) any {
		c := &call{r: r, at: at, in: in(r), args: make([]any, len(args))}
		for i, a := range args {
			c.args[i] = a(r)
		}
		r.step(at)
		return f.apply(c)
	}
}

func arguments(low, high int) string {
	numbers := [...]string{"no argument", "one argument", "two arguments"}
	if low == high {
		return numbers[low]
	}
	if low == 0 && high == 1 {
		return "at most one argument"
	}
	if low == 0 {
		return "at most two arguments"
	}
	return "one or two arguments"
}
