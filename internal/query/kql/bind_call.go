package kql

import (
	"regexp"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// conversionCalls are the functions that only convert.
func conversionCalls() map[string]table.Type {
	return map[string]table.Type{
		"tostring": table.String, "toint": table.Int, "tolong": table.Long, "toreal": table.Real, "todouble": table.Real, "todecimal": table.Decimal,
		"tobool": table.Bool, "toboolean": table.Bool, "todatetime": table.Datetime, "totimespan": table.Timespan, "toguid": table.GUID,
	}
}

// aliases are older names of functions.
func aliases() map[string]string {
	return map[string]string{"todynamic": "parse_json", "toobject": "parse_json", "parsejson": "parse_json", "iif": "iff", "notempty": "isnotempty", "notnull": "isnotnull",
		"pack": "bag_pack", "makelist": "make_list", "makeset": "make_set", "argmax": "arg_max", "argmin": "arg_min", "ceil": "ceiling", "format_bytes": "format_bytes",
		"arraylength": "array_length", "array_iif": "array_iff", "extractall": "extract_all", "parseurlquery": "parse_urlquery", "datepart": "datetime_part",
		"totime": "totimespan", "hash_xxhash64": "hash", "array_strcat": "strcat_array"}
}

// call binds a function call.
func (b *binder) call(x *syntax.Call, c *rowContext) expression {
	if s := c.scope.find(x.Name); s != nil && s.value != nil {
		if l, ok := s.value.(*syntax.Lambda); ok {
			return b.lambda(x, l, s.parent, c)
		}
	}
	name := x.Name
	if other := aliases()[name]; other != "" && b.engine.library.aggregates[name] == nil {
		name = other
	}
	if special := b.special(name, x, c); special != nil {
		return special
	}
	if c.aggregates {
		if a := b.aggregateCall(x, c); a != nil {
			return a
		}
	}
	overloads := b.engine.library.scalars[name]
	if overloads == nil {
		if b.engine.library.aggregates[name] != nil {
			b.fail(x.NameAt, codeUse, "use it in summarize", "the aggregate function %s cannot stand here", x.Name)
		}
		b.fail(x.NameAt, codeFunction, didYouMean(x.Name, b.engine.library.names), "there is no function %q", x.Name)
	}
	return b.overload(x, overloads, b.arguments(x, c))
}

func (b *binder) arguments(x *syntax.Call, c *rowContext) []expression {
	args := make([]expression, 0, len(x.Arguments))
	for _, a := range x.Arguments {
		args = append(args, b.scalar(a.Value, c))
	}
	return args
}

func (b *binder) overload(x *syntax.Call, overloads []*function, args []expression) expression {
	f, letters := pick(overloads, args)
	if f == nil {
		b.fail(x.Span, codeArguments, "it is called as "+usage(overloads), "the arguments do not fit the function %s", x.Name)
	}
	args = b.fitted(args, letters)
	return call(f.result(args), f.key(), args...)
}

// fitted converts arguments to what an overload takes.
func (b *binder) fitted(args []expression, letters string) []expression {
	out := make([]expression, len(args))
	for i, a := range args {
		switch want := letterType(letters[i]); {
		case want == table.Unknown, letters[i] == 'n' && isNumber(a.kind()):
			out[i] = a
		default:
			out[i] = b.convert(a, want)
		}
	}
	return out
}

// aggregateCall binds an aggregate function, nil when it is none.
func (b *binder) aggregateCall(x *syntax.Call, c *rowContext) expression {
	overloads := b.engine.library.aggregates[x.Name]
	if overloads == nil {
		overloads = b.engine.library.aggregates[aliases()[x.Name]]
	}
	if overloads == nil {
		return nil
	}
	inner := *c
	inner.aggregates = false
	args := b.arguments(x, &inner)
	if x.Name == "arg_max" || x.Name == "arg_min" || x.Name == "argmax" || x.Name == "argmin" { // the value of the extreme itself
		args = args[:1]
		overloads = b.engine.library.aggregates[strings.TrimPrefix(aliases()[x.Name], "arg_")]
		overloads = append(overloads, b.engine.library.aggregates[x.Name[len(x.Name)-3:]]...)
	}
	f, letters := pick(overloads, args)
	if f == nil {
		b.fail(x.Span, codeArguments, "it is called as "+usage(overloads), "the arguments do not fit the function %s", x.Name)
	}
	args = b.fitted(args, letters)
	return &aggregated{Type: f.result(args), Op: f.key(), Args: args, Order: c.rel.order()}
}

// lambda calls a function that the query defines.
func (b *binder) lambda(x *syntax.Call, l *syntax.Lambda, defined *scope, c *rowContext) expression {
	defer b.enter(x.Span)()
	s, last := b.lets(l.Body, b.parameters(x, l, defined, c))
	if last == nil {
		b.fail(x.Span, codeUse, "", "the function %s gives nothing", x.Name)
	}
	if b.isTable(last.X, s) {
		return b.first(b.relation(last.X, s))
	}
	return b.scalar(last.X, &rowContext{scope: s})
}

// parameters binds a call's arguments to a function's parameters.
func (b *binder) parameters(x *syntax.Call, l *syntax.Lambda, s *scope, c *rowContext) *scope {
	given := map[string]syntax.Expr{}
	position := 0
	for _, a := range x.Arguments {
		name := a.Name
		if name == "" && position < len(l.Parameters) {
			name = l.Parameters[position].Name
			position++
		}
		given[name] = a.Value
	}
	if len(x.Arguments) > len(l.Parameters) {
		b.fail(x.Span, codeArguments, "", "the function %s takes %d arguments", x.Name, len(l.Parameters))
	}
	for _, p := range l.Parameters {
		v, ok := given[p.Name]
		switch {
		case !ok && p.Default == nil:
			b.fail(x.Span, codeArguments, "", "the function %s needs its argument %s", x.Name, p.Name)
		case !ok:
			s = &scope{parent: s, name: p.Name, x: b.scalar(p.Default, &rowContext{scope: s})}
		case p.Tabular:
			s = &scope{parent: s, name: p.Name, rel: b.relation(v, c.scope)}
		default:
			e := b.scalar(v, c)
			if p.Type != table.Unknown {
				e = b.convert(e, p.Type)
			}
			s = &scope{parent: s, name: p.Name, x: e}
		}
	}
	return s
}

func (b *binder) need(x *syntax.Call, least, most int) {
	if n := len(x.Arguments); n < least || n > most {
		b.fail(x.Span, codeArguments, "", "the function %s does not take %d arguments", x.Name, n)
	}
}

// special binds the functions that are more than a text of SQL, nil for others.
func (b *binder) special(name string, x *syntax.Call, c *rowContext) expression {
	if v := pathValue(x, c); v != nil {
		return v
	}
	if to, ok := conversionCalls()[name]; ok {
		b.need(x, 1, 1)
		return b.convert(b.scalar(x.Arguments[0].Value, c), to)
	}
	switch name {
	case "now", "ago":
		return b.now(name, x, c)
	case "toscalar":
		b.need(x, 1, 1)
		if !b.isTable(x.Arguments[0].Value, c.scope) {
			return b.scalar(x.Arguments[0].Value, c)
		}
		return b.first(b.relation(x.Arguments[0].Value, c.scope))
	case "column_ifexists", "columnifexists":
		b.need(x, 2, 2)
		if n, ok := b.value(b.scalar(x.Arguments[0].Value, &rowContext{scope: c.scope}), x.Span).(string); ok {
			if k, found := c.column(n); found {
				return ref(k)
			}
		}
		return b.scalar(x.Arguments[1].Value, c)
	case "iff", "case", "coalesce", "min_of", "max_of":
		return b.choice(name, x, b.arguments(x, c))
	case "isnull", "isnotnull", "isempty", "isnotempty":
		b.need(x, 1, 1)
		return b.empty(name, b.scalar(x.Arguments[0].Value, c))
	case "strcat", "strcat_delim", "pack_array", "bag_pack", "pack_dictionary", "pack_all", "bag_pack_columns":
		return b.joinValues(name, x, c)
	case "bin", "floor", "bin_at":
		return b.bin(name, x, c)
	case "iscolumnexists":
		b.need(x, 1, 1)
		n, _ := b.value(b.scalar(x.Arguments[0].Value, &rowContext{scope: c.scope}), x.Span).(string)
		_, found := c.column(n)
		return boolean(found)
	case "extract":
		return b.extract(x, c)
	case "extractjson", "extract_json":
		if len(x.Arguments) == 3 {
			untyped := *x
			untyped.Arguments = x.Arguments[:2]
			return b.typed(x, x.Arguments[2], b.call(&untyped, c))
		}
	case "percentiles_array", "percentilesw_array":
		return b.percentileArray(x, c)
	case "percentile_tdigest":
		return b.percentileOfDigest(x, c)
	case "prev", "next", "row_number", "row_cumsum", "row_rank_dense", "row_rank_min":
		return b.windowCall(name, x, c)
	case "row_window_session":
		return b.sessionCall(x, c)
	}
	return nil
}

func (b *binder) now(name string, x *syntax.Call, c *rowContext) expression {
	var at expression = &constant{Type: table.Datetime, Value: ticks(b.request.Now)}
	if len(x.Arguments) == 0 {
		return at
	}
	op := map[string]string{"now": "+", "ago": "-"}[name]
	return foldTicks(call(table.Datetime, op, at, b.convert(b.scalar(x.Arguments[0].Value, c), table.Timespan)))
}

// choice binds iff, case and what picks one of its arguments; all get one type.
func (b *binder) choice(name string, x *syntax.Call, args []expression) expression {
	values := args
	switch name {
	case "iff":
		b.need(x, 3, 3)
		values = args[1:]
	case "case":
		if len(args) < 3 || len(args)%2 == 0 {
			b.fail(x.Span, codeArguments, "case(condition, value, ..., otherwise)", "case needs pairs and a last value")
		}
		values = nil
		for i := 1; i < len(args); i += 2 {
			values = append(values, args[i])
		}
		values = append(values, args[len(args)-1])
	}
	if len(values) == 0 {
		b.fail(x.Span, codeArguments, "", "the function %s needs arguments", x.Name)
	}
	t := b.common(values)
	for i := range values {
		values[i] = b.convert(values[i], t)
	}
	switch name {
	case "iff":
		return call(t, "if", b.convert(args[0], table.Bool), values[0], values[1])
	case "case":
		result := values[len(values)-1]
		for i := len(values) - 2; i >= 0; i-- {
			result = call(t, "if", b.convert(args[2*i], table.Bool), values[i], result)
		}
		return result
	case "coalesce":
		if t == table.String {
			for i := range values {
				values[i] = &apply{Type: table.Unknown, Op: "non-empty", Args: []expression{values[i]}}
			}
		}
		return call(t, "coalesce", values...)
	}
	return call(t, map[string]string{"min_of": "least", "max_of": "greatest"}[name], values...)
}

// common is the type that all values can have.
func (b *binder) common(values []expression) table.Type {
	t := table.Unknown
	for _, v := range values {
		k := v.kind()
		if n, ok := v.(*constant); ok && n.Value == nil && t != table.Unknown {
			continue
		}
		switch {
		case t == table.Unknown || t == k:
			t = k
		case isNumber(t) && isNumber(k):
			t = widest(t, k)
		case t == table.Dynamic || k == table.Dynamic:
			t = table.Dynamic
		default:
			t = table.String
		}
	}
	return t
}

func (b *binder) empty(name string, v expression) expression {
	var test expression
	switch t := v.kind(); {
	case t == table.String && strings.HasSuffix(name, "null"):
		test = boolean(false)
	case t == table.String:
		test = call(table.Bool, "is empty", v)
	case t == table.Dynamic && strings.HasSuffix(name, "empty"):
		test = call(table.Bool, "is empty", b.convert(v, table.String))
	default:
		test = call(table.Bool, "is null", v)
	}
	if strings.HasPrefix(name, "isnot") {
		return call(table.Bool, "not", test)
	}
	return test
}

func (b *binder) joinValues(name string, x *syntax.Call, c *rowContext) expression {
	if name == "pack_all" {
		var args []expression
		for _, k := range c.columns {
			args = append(args, text(k.Name), b.convert(ref(k), table.Dynamic))
		}
		return call(table.Dynamic, "pack", args...)
	}
	if name == "bag_pack_columns" {
		var args []expression
		for _, a := range x.Arguments {
			args = append(args, text(b.nameOf(a.Value)), b.convert(b.scalar(a.Value, c), table.Dynamic))
		}
		return call(table.Dynamic, "pack", args...)
	}
	args := b.arguments(x, c)
	if len(args) == 0 {
		b.fail(x.Span, codeArguments, "", "the function %s needs arguments", x.Name)
	}
	for i := range args {
		if name == "strcat" || name == "strcat_delim" || name == "bag_pack" && i%2 == 0 {
			args[i] = b.convert(args[i], table.String)
		} else {
			args[i] = b.convert(args[i], table.Dynamic)
		}
	}
	switch name {
	case "strcat":
		return call(table.String, "concat", args...)
	case "strcat_delim":
		return call(table.String, "delimit", args...)
	case "pack_array":
		return call(table.Dynamic, "pack array", args...)
	}
	return call(table.Dynamic, "pack", args...)
}

// bin rounds down to a multiple, of datetimes counted from the year 1.
func (b *binder) bin(name string, x *syntax.Call, c *rowContext) expression {
	args := b.arguments(x, c)
	if name == "floor" && len(args) == 1 {
		return call(table.Real, "floor", b.convert(args[0], table.Real))
	}
	if name == "bin_at" {
		b.need(x, 3, 3)
		if args[0].kind() == table.Datetime {
			return b.binDatetimeAt(args[0], b.convert(args[1], table.Timespan), b.convert(args[2], table.Datetime))
		}
		v := call(table.Real, "-", b.convert(args[0], table.Real), b.convert(args[2], table.Real))
		return call(table.Real, "+", call(table.Real, "bin real", v, b.convert(args[1], table.Real)), b.convert(args[2], table.Real))
	}
	b.need(x, 2, 2)
	v, step := args[0], args[1]
	if v.kind() == table.Dynamic {
		v = b.convert(v, step.kind())
		if step.kind() == table.Timespan {
			v = b.convert(args[0], table.Datetime)
		}
	}
	switch v.kind() {
	case table.Datetime:
		return call(table.Datetime, "bin ticks", v, b.convert(step, table.Timespan))
	case table.Timespan:
		return call(table.Timespan, "bin long", v, b.convert(step, table.Timespan))
	}
	v, step = b.plain(v), b.plain(step)
	if t := widest(v.kind(), step.kind()); t == table.Real {
		return call(t, "bin real", b.convert(v, t), b.convert(step, t))
	}
	return call(table.Long, "bin long", b.convert(v, table.Long), b.convert(step, table.Long))
}

func (b *binder) binDatetimeAt(v, step, at expression) expression {
	offset := call(table.Timespan, "bin long", call(table.Timespan, "-", v, at), step)
	return call(table.Datetime, "+", at, offset)
}

func (b *binder) extract(x *syntax.Call, c *rowContext) expression {
	b.need(x, 3, 4)
	args := b.arguments(x, c)
	if k, ok := args[0].(*constant); ok {
		if s, _ := k.Value.(string); s != "" {
			if _, err := regexp.Compile(s); err != nil {
				b.fail(x.Arguments[0].Value.Position(), codeArguments, "", "the regular expression is not valid: %v", err)
			}
		}
	}
	group := call(table.Int, "group", b.convert(args[1], table.Int))
	v := expression(call(table.String, "extract", b.convert(args[2], table.String), b.convert(args[0], table.String), group))
	if len(args) == 4 {
		return b.typed(x, x.Arguments[3], v)
	}
	return v
}

// typed converts what a call gives to the type that its last argument names.
func (b *binder) typed(x *syntax.Call, a syntax.Argument, v expression) expression {
	to, ok := a.Value.(*syntax.TypeLiteral)
	if !ok {
		b.fail(a.Value.Position(), codeArguments, "e.g. typeof(long)", "the type of %s is given as typeof", x.Name)
	}
	return b.convert(v, to.Type)
}

// windowCall is a function over neighbouring rows; they need an order.
func (b *binder) windowCall(name string, x *syntax.Call, c *rowContext) expression {
	if c.rel == nil || c.rel.order() == nil {
		b.fail(x.Span, codeUse, "put sort by or serialize before it", "%s needs rows in an order", x.Name)
	}
	args, order := b.arguments(x, c), c.rel.order()
	parts := b.parts()
	if most := map[string]int{"row_number": 1, "row_cumsum": 1, "row_rank_dense": 1, "row_rank_min": 1}[name]; most > 0 && len(args) == most+1 {
		parts = append(parts, b.restart(args[most], order, x, c))
		args = args[:most]
	}
	switch name {
	case "row_number":
		var start expression = long(1)
		if len(args) > 0 {
			start = args[0]
		}
		w := &window{Type: table.Long, Op: "row_number", Order: order, By: parts}
		return call(table.Long, "-", call(table.Long, "+", w, b.convert(start, table.Long)), long(1))
	case "row_cumsum":
		b.need(x, 1, 2)
		v := b.plain(args[0])
		if v.kind() == table.Int {
			v = b.convert(v, table.Long)
		}
		return &window{Type: v.kind(), Op: "running sum", Args: []expression{v}, Order: order, By: parts, Whole: true}
	case "prev", "next":
		b.need(x, 1, 3)
		var offset, other expression = long(1), null(args[0].kind())
		if len(args) > 1 {
			offset = b.convert(args[1], table.Long)
		}
		if len(args) > 2 {
			other = b.convert(args[2], args[0].kind())
		}
		return &window{Type: args[0].kind(), Op: map[string]string{"prev": "lag", "next": "lead"}[name], Args: []expression{args[0], offset, other}, Order: order, By: parts}
	}
	op := map[string]string{"row_rank_dense": "dense_rank", "row_rank_min": "rank"}[name]
	return &window{Type: table.Long, Op: op, Order: order, By: parts}
}

// restart numbers the runs of rows that begin where a condition is true, and
// gives the column with the number. It is computed in two steps below, since the
// condition may look at neighbouring rows itself.
func (b *binder) restart(when expression, order []orderKey, x *syntax.Call, c *rowContext) int {
	if c.before == nil {
		b.fail(x.Span, codeUse, "put it in an extend before", "%s with a restart can stand in extend, project and serialize", x.Name)
	}
	begins, run := b.column("begins", table.Bool), b.column("run", table.Long)
	*c.before = append(*c.before, assignment{begins.ID, b.convert(when, table.Bool)},
		assignment{run.ID, &window{Type: table.Long, Op: "running count", Args: []expression{ref(begins)}, Order: order, By: b.parts(), Whole: true}})
	return run.ID
}
