package kql

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// evaluator computes a value in memory, for a step that goes from row to row.
type evaluator func() any

// stepwise compiles expressions for such a step. Parts of them that read only
// the row are lifted: the store computes them. The rest are operations on values
// of the state, of which there are fewer than the store has.
type stepwise struct {
	b       *binder
	slots   map[int]func() any // values of the state, by column
	row     *[]any             // the row, with the lifted values from first on
	first   int
	lifted  []assignment
	columns []column
}

// compile gives an expression that may read the state.
func (w *stepwise) compile(x expression, at syntax.Span) evaluator {
	if k, ok := x.(*constant); ok {
		return func() any { return k.Value }
	}
	if !w.readsState(x) {
		return w.lift(x)
	}
	switch x := x.(type) {
	case *reference:
		return w.slots[x.ID]
	case *apply:
		args := make([]evaluator, len(x.Args))
		for i, a := range x.Args {
			args[i] = w.compile(a, at)
		}
		if run := w.operation(x, args); run != nil {
			return run
		}
		name, _, _ := strings.Cut(x.Op, "(")
		w.b.fail(at, codeMissing, "compute it in an extend before, or from columns of the row alone", "in a step of scan, %s cannot read another step's values on this server", name)
	}
	w.b.fail(at, codeUse, "put it before scan", "this cannot read another step's values")
	return nil
}

func (w *stepwise) readsState(x expression) bool {
	reads := false
	walk(x, func(e expression) bool {
		if r, ok := e.(*reference); ok && w.slots[r.ID] != nil {
			reads = true
		}
		return !reads
	})
	return reads
}

func (w *stepwise) lift(x expression) evaluator {
	c := w.b.column("", x.kind())
	at := w.first + len(w.columns)
	w.lifted, w.columns = append(w.lifted, assignment{c.ID, x}), append(w.columns, c)
	return func() any { return (*w.row)[at] }
}

// operation is an operator or function over values of the state; nil: there is none.
func (w *stepwise) operation(x *apply, args []evaluator) evaluator {
	if run := lazyOperation(x.Op, args); run != nil {
		return run
	}
	do, whole := valueOperation(x), false
	if do == nil {
		do, whole = w.native(x)
	}
	if do == nil {
		return nil
	}
	values := make([]any, len(args))
	return func() any {
		for i, a := range args {
			if values[i] = a(); values[i] == nil && !whole {
				return emptyOf(x.Type)
			}
		}
		return do(values)
	}
}

// lazyOperation is what takes null, or not all of its arguments.
func lazyOperation(op string, args []evaluator) evaluator {
	switch op {
	case "and", "or":
		return func() any { return logic(args[0](), args[1](), op == "or") }
	case "not or null":
		return func() any { return args[0]() != true }
	case "!=":
		return func() any { return compareCells(args[0](), args[1]()) != 0 }
	case "is null":
		return func() any { return args[0]() == nil }
	case "if":
		return func() any {
			if args[0]() == true {
				return args[1]()
			}
			return args[2]()
		}
	case "coalesce":
		return func() any {
			for _, a := range args {
				if v := a(); v != nil {
					return v
				}
			}
			return nil
		}
	case "least", "greatest":
		return func() any { return extreme(args, op == "least") }
	case "concat":
		return func() any {
			var s strings.Builder
			for _, a := range args {
				if v, ok := a().(string); ok {
					s.WriteString(v)
				}
			}
			return s.String()
		}
	}
	return nil
}

// logic is "and" and "or" of three values: the one that decides wins over null.
func logic(a, b any, decides bool) any {
	if a == decides || b == decides {
		return decides
	}
	if a == nil || b == nil {
		return nil
	}
	return !decides
}

func extreme(args []evaluator, least bool) any {
	var best any
	for _, a := range args {
		v := a()
		if v == nil {
			continue
		}
		if c := compareCells(v, best); best == nil || least && c < 0 || !least && c > 0 {
			best = v
		}
	}
	return best
}

// valueOperation works on values that are all there.
func valueOperation(x *apply) func([]any) any {
	if is := comparison(x.Op); is != nil {
		return func(a []any) any { return is(compareCells(a[0], a[1])) }
	}
	if is := textTest(x.Op); is != nil {
		return func(a []any) any { return is(a[0].(string), a[1].(string)) }
	}
	switch x.Op {
	case "not", "not(b)":
		return func(a []any) any { return a[0] != true }
	case "is empty":
		return func(a []any) any { return a[0] == "" }
	case "as text", "group":
		return func(a []any) any { return a[0] }
	case "non-empty":
		return func(a []any) any {
			if a[0] == "" {
				return nil
			}
			return a[0]
		}
	case "in":
		return func(a []any) any {
			return slices.ContainsFunc(a[1:], func(v any) bool { return compareCells(a[0], v) == 0 })
		}
	}
	if do := convertOperation(x); do != nil {
		return do
	}
	if x.Type == table.Real || x.Type == table.Decimal || x.Op == "scale" || x.Op == "shrink" {
		return realOperation(x)
	}
	return wholeOperation(x)
}

func comparison(op string) func(int) bool {
	switch op {
	case "==":
		return func(c int) bool { return c == 0 }
	case "<":
		return func(c int) bool { return c < 0 }
	case "<=":
		return func(c int) bool { return c <= 0 }
	case ">":
		return func(c int) bool { return c > 0 }
	case ">=":
		return func(c int) bool { return c >= 0 }
	}
	return nil
}

func textTest(op string) func(a, b string) bool {
	lower := strings.ToLower
	switch op {
	case "=~":
		return func(a, b string) bool { return lower(a) == lower(b) }
	case "!~":
		return func(a, b string) bool { return lower(a) != lower(b) }
	case "contains":
		return func(a, b string) bool { return strings.Contains(lower(a), lower(b)) }
	case "startswith":
		return func(a, b string) bool { return strings.HasPrefix(lower(a), lower(b)) }
	case "endswith":
		return func(a, b string) bool { return strings.HasSuffix(lower(a), lower(b)) }
	case "contains_cs":
		return strings.Contains
	case "startswith_cs":
		return strings.HasPrefix
	case "endswith_cs":
		return strings.HasSuffix
	}
	return nil
}

// realOperation is arithmetic with fractions. "scale" and "shrink" are timespans
// times and by a number.
func realOperation(x *apply) func([]any) any {
	var f func(a, b float64) float64
	switch x.Op {
	case "negate":
		return func(v []any) any { return -floating(v[0]) }
	case "+":
		f = func(a, b float64) float64 { return a + b }
	case "-":
		f = func(a, b float64) float64 { return a - b }
	case "*", "scale":
		f = func(a, b float64) float64 { return a * b }
	case "/", "shrink", "divide timespan":
		f = func(a, b float64) float64 { return a / b }
	default:
		return nil
	}
	return func(v []any) any { return ofReal(f(floating(v[0]), floating(v[1])), x.Type) }
}

// wholeOperation is arithmetic of whole numbers and ticks; what overflows is null.
func wholeOperation(x *apply) func([]any) any {
	var f func(a, b int64) (int64, bool)
	switch strings.TrimSuffix(x.Op, " long") {
	case "negate":
		return func(v []any) any { return ofType(-integer(v[0]), x.Type) }
	case "+":
		f = func(a, b int64) (int64, bool) { c := a + b; return c, (c > a) == (b > 0) }
	case "-":
		f = func(a, b int64) (int64, bool) { c := a - b; return c, (c < a) == (b > 0) }
	case "*":
		f = product
	case "/", "divide":
		f = func(a, b int64) (int64, bool) {
			if b == 0 {
				return 0, false
			}
			return a / b, true
		}
	case "%":
		f = func(a, b int64) (int64, bool) {
			if b == 0 {
				return 0, false
			}
			return a % b, true
		}
	default:
		return nil
	}
	return func(v []any) any {
		n, ok := f(integer(v[0]), integer(v[1]))
		if !ok {
			return nil
		}
		return ofType(n, x.Type)
	}
}

func product(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
}

// convertOperation is a conversion between numbers and times.
func convertOperation(x *apply) func([]any) any {
	if len(x.Args) != 1 || x.Op != conversion(x.Type, x.Args[0].kind()) {
		return nil
	}
	from := x.Args[0].kind()
	numeric := isNumber(from) || from == table.Datetime || from == table.Timespan
	switch {
	case x.Type == table.String && (from == table.Int || from == table.Long):
		return func(v []any) any { return strconv.FormatInt(integer(v[0]), 10) }
	case x.Type == table.String && from == table.Bool:
		return func(v []any) any { return strconv.FormatBool(v[0] == true) }
	case x.Type == table.String && from == table.GUID:
		return func(v []any) any { return v[0] }
	case x.Type == table.String && from == table.Dynamic:
		return func(v []any) any { return dynamicText(v[0].(string)) }
	case (x.Type == table.Int || x.Type == table.Long) && from == table.String:
		return func(v []any) any { return wholeOf(v[0].(string), x.Type) }
	case x.Type == table.Real && from == table.String:
		return func(v []any) any { return realOf(v[0].(string)) }
	case x.Type == table.Real && from == table.Dynamic:
		return func(v []any) any {
			if s, ok := dynamicText(v[0].(string)).(string); ok {
				return realOf(s)
			}
			return nil
		}
	case x.Type == table.Timespan && from == table.Real:
		return func(v []any) any { return ofReal(floating(v[0])*864000000000, x.Type) }
	case x.Type == table.Bool && isNumber(from):
		return func(v []any) any { return floating(v[0]) != 0 }
	case (x.Type == table.Real || x.Type == table.Decimal) && numeric:
		return func(v []any) any { return floating(v[0]) }
	case x.Type == table.Int, x.Type == table.Long, x.Type == table.Datetime, x.Type == table.Timespan:
		if from == table.Real || from == table.Decimal {
			return func(v []any) any { return ofReal(math.Trunc(floating(v[0])), x.Type) }
		}
		if numeric {
			return func(v []any) any { return ofType(integer(v[0]), x.Type) }
		}
	}
	return nil
}

// dynamicText is a JSON value as tostring gives it.
func dynamicText(text string) any {
	if text == "null" {
		return nil
	}
	var s string
	if strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &s) == nil {
		return s
	}
	return text
}

func wholeOf(s string, t table.Type) any {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return nil
	}
	return ofType(n, t)
}

func realOf(s string) any {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return nil
	}
	return f
}

func integer(v any) int64 {
	switch v := v.(type) {
	case int32:
		return int64(v)
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

func floating(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return float64(integer(v))
}

func ofType(n int64, t table.Type) any {
	if t == table.Int {
		if n < math.MinInt32 || n > math.MaxInt32 {
			return nil
		}
		return int32(n)
	}
	return n
}

func ofReal(f float64, t table.Type) any {
	if t == table.Real || t == table.Decimal {
		return f
	}
	if math.IsNaN(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return nil
	}
	return ofType(int64(math.RoundToEven(f)), t)
}

// The text of a function that is one call of a function in Go.
var (
	nativeCall     = regexp.MustCompile(`^kql_(\w+)\((.*)\)(?:::INTEGER)?$`)
	nativeArgument = regexp.MustCompile(`^(?:CAST\()?\{(\d)(?:\|([^}]*))?\}(?: AS VARCHAR\))?(?:::BIGINT)?$|^(\d+)::BIGINT$`)
)

// native calls the function in Go that the store would call. It takes null when
// its arguments come as one list.
func (w *stepwise) native(x *apply) (do func([]any) any, null bool) {
	text := w.b.engine.library.templates[x.Op]
	if inner, ok := strings.CutPrefix(text, "CAST("); ok && strings.HasSuffix(inner, " AS JSON)") {
		text = strings.TrimSuffix(inner, " AS JSON)")
	}
	if inner, ok := strings.CutPrefix(text, "TRY_CAST("); ok {
		text = strings.TrimSuffix(strings.TrimSuffix(inner, " AS BIGINT)"), " AS INTEGER)")
	}
	m := nativeCall.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	for _, f := range w.b.engine.natives {
		if f.Name == "kql_"+m[1] {
			take := nativeArguments(m[2], len(x.Args))
			if take == nil {
				return nil, false
			}
			return func(v []any) any {
				out := f.Do(take(v))
				if out == nil {
					return emptyOf(x.Type)
				}
				if n, ok := out.(int64); ok {
					return ofType(n, x.Type)
				}
				return out
			}, m[2] == argumentList
		}
	}
	return nil, false
}

// argumentList is the text of arguments that come as one list.
const argumentList = "CAST(json_array({0}{*}) AS VARCHAR)"

// nativeArguments gives the values of a call's arguments; nil: they are not all
// arguments or constants.
func nativeArguments(list string, given int) func([]any) []any {
	if list == argumentList {
		return func(v []any) []any {
			parts := make([]string, len(v))
			for i := range v {
				if parts[i] = "null"; v[i] != nil {
					parts[i] = v[i].(string)
				}
			}
			return []any{"[" + strings.Join(parts, ",") + "]"}
		}
	}
	var take []func([]any) any
	for _, text := range strings.Split(list, ", ") {
		m := nativeArgument.FindStringSubmatch(text)
		if m == nil {
			return nil
		}
		at, _ := strconv.Atoi(m[1])
		if m[1] != "" && at < given {
			take = append(take, func(v []any) any { return nativeValue(v[at]) })
			continue
		}
		fixed, ok := nativeConstant(m[2] + m[3])
		if !ok {
			return nil
		}
		take = append(take, func([]any) any { return fixed })
	}
	return func(v []any) []any {
		out := make([]any, len(take))
		for i, f := range take {
			out[i] = f(v)
		}
		return out
	}
}

// nativeValue is a value as functions in Go take it.
func nativeValue(v any) any {
	if n, ok := v.(int32); ok {
		return int64(n)
	}
	return v
}

func nativeConstant(text string) (any, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if text == "true" || text == "false" {
		return text == "true", true
	}
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		return text[1 : len(text)-1], true
	}
	return nil, false
}
