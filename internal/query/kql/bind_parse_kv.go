package kql

import (
	"fmt"
	"regexp"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// parseKV is parse-kv: columns of the values that stand behind keys in a text.
func (b *binder) parseKV(rel relation, op *syntax.ParseKV, s *scope) relation {
	rules := b.kvRules(op, s)
	groups := b.id()
	source := b.convert(b.scalar(op.X, b.row(rel, s)), table.String)
	low := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{groups, call(table.String, "parse pairs", source, text(jsonOf(rules)))}}}
	found := &reference{Type: table.String, ID: groups}
	out := &project{Input: low, Columns: slices.Clone(rel.columns())}
	for i, p := range op.Columns {
		x := call(table.String, "parse group", found, text(fmt.Sprintf("$[%d]", i)))
		k := b.column(p.Name, p.Type)
		out.Assign = append(out.Assign, assignment{k.ID, b.convert(x, p.Type)})
		if at := slices.Index(names(out.Columns), p.Name); at >= 0 {
			out.Columns[at] = k
		} else {
			out.Columns = append(out.Columns, k)
		}
	}
	return out
}

func (b *binder) kvRules(op *syntax.ParseKV, s *scope) kvRules {
	var r kvRules
	for _, p := range op.Columns {
		r.Keys = append(r.Keys, p.Name)
	}
	for _, o := range op.Options {
		v := b.value(b.scalar(o.Value, &rowContext{scope: s}), o.Span)
		word, _ := v.(string)
		switch o.Name {
		case "pair_delimiter":
			r.Pair = word
		case "kv_delimiter":
			r.Between = word
		case "quote":
			r.Quotes = append(r.Quotes, word)
		case "escape":
			r.Escapes = append(r.Escapes, word)
		case "greedy":
			r.Greedy, _ = v.(bool)
		case "regex":
			r.Regex = word
			if e, err := regexp.Compile(word); err != nil || e.NumSubexp() != 2 {
				b.fail(o.Span, codeArguments, `regex = @"(\w+)=(\w+)"`, "regex of parse-kv is a regular expression with two groups: key and value")
			}
		default:
			b.fail(o.Span, codeArguments, "pair_delimiter, kv_delimiter, quote, escape, greedy, regex", "parse-kv has no setting %q", o.Name)
		}
	}
	if (r.Pair == "") != (r.Between == "") {
		b.fail(op.Span, codeArguments, `with (pair_delimiter = ",", kv_delimiter = "=")`, "parse-kv needs both delimiters, or none")
	}
	return r
}
