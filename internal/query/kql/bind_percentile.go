package kql

import (
	"encoding/json"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// percentiles adds a column for each percent.
func (b *binder) percentiles(p *shaper, n syntax.Named, x *syntax.Call, c *rowContext) {
	for i, one := range b.eachPercentile(x) {
		name := b.nameOf(one)
		if i < len(n.Names) {
			name = n.Names[i]
		}
		p.add(name, b.scalar(one, c))
	}
}

// percentileArray is all of them in one list.
func (b *binder) percentileArray(x *syntax.Call, c *rowContext) expression {
	var list []expression
	for _, one := range b.eachPercentile(x) {
		list = append(list, b.convert(b.scalar(one, c), table.Dynamic))
	}
	return call(table.Dynamic, "pack array", list...)
}

// percentileOfDigest is percentile_tdigest(digest, percent [, typeof(type)]).
func (b *binder) percentileOfDigest(x *syntax.Call, c *rowContext) expression {
	b.need(x, 2, 3)
	digest := b.convert(b.scalar(x.Arguments[0].Value, c), table.Dynamic)
	v := call(table.Real, "percentile of digest", digest, b.convert(b.scalar(x.Arguments[1].Value, c), table.Real))
	if len(x.Arguments) == 2 {
		return b.convert(v, table.Dynamic)
	}
	t, ok := x.Arguments[2].Value.(*syntax.TypeLiteral)
	switch {
	case !ok:
		b.fail(x.Arguments[2].Value.Position(), codeArguments, "e.g. typeof(long)", "the type of percentile_tdigest is given as typeof")
	case t.Type == table.Datetime || t.Type == table.Timespan:
		return b.convert(b.convert(v, table.Long), t.Type)
	}
	return b.convert(v, t.Type)
}

// eachPercentile writes percentiles(value, 50, 95) as percentile(value, 50) and
// percentile(value, 95); with a weight behind the value, percentilew. The
// percents may be one array.
func (b *binder) eachPercentile(x *syntax.Call) []*syntax.Call {
	name, first := "percentile", 1
	if strings.HasPrefix(x.Name, "percentilesw") {
		name, first = "percentilew", 2
	}
	if len(x.Arguments) <= first {
		b.fail(x.Span, codeArguments, "percentiles(column, 50, 95)", "%s needs a value and percents", x.Name)
	}
	percents := x.Arguments[first:]
	if k, ok := percents[0].Value.(*syntax.Literal); ok && k.Type == table.Dynamic {
		percents = b.percentsOf(x, k)
	}
	var list []*syntax.Call
	for _, p := range percents {
		one := &syntax.Call{Span: x.Span, Name: name, NameAt: x.NameAt}
		one.Arguments = append(append(one.Arguments, x.Arguments[:first]...), p)
		list = append(list, one)
	}
	return list
}

func (b *binder) percentsOf(x *syntax.Call, k *syntax.Literal) (out []syntax.Argument) {
	var list []float64
	text, _ := b.value(b.scalar(k, &rowContext{}), k.Span).(string)
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 || len(list) > 100 {
		b.fail(x.Span, codeArguments, "dynamic([50, 95])", "the percents of %s are numbers", x.Name)
	}
	for _, p := range list {
		out = append(out, syntax.Argument{Value: &syntax.Literal{Span: k.Span, Type: table.Real, Value: p}})
	}
	return out
}
