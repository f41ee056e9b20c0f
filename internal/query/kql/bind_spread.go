package kql

import (
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// membersOf lists the members of what a function gives that makes several
// columns; behind each is its type, where it is not real. The function's name
// with _dynamic behind it gives all of them as one object.
func membersOf(name string) []string {
	switch name {
	case "series_fit_line":
		return []string{"rsquare", "slope", "variance", "rvariance", "interception", "line_fit:j"}
	case "series_fit_2lines":
		return []string{"rsquare", "split_idx:l", "variance", "rvariance", "line_fit:j", "right_rsquare", "right_slope", "right_interception", "right_variance", "right_rvariance",
			"left_rsquare", "left_slope", "left_interception", "left_variance", "left_rvariance"}
	case "series_stats":
		return []string{"min", "min_idx:l", "max", "max_idx:l", "avg", "stdev", "variance"}
	case "series_periods_detect", "series_periods_validate":
		return []string{"periods:j", "scores:j"}
	case "series_fit_poly":
		return []string{"rsquare", "coefficients:j", "variance", "rvariance", "poly_fit:j"}
	case "series_fft", "series_ifft":
		return []string{"real:j", "imag:j"}
	case "series_decompose":
		return []string{"baseline:j", "seasonal:j", "trend:j", "residual:j"}
	case "series_decompose_anomalies":
		return []string{"ad_flag:j", "ad_score:j", "baseline:j"}
	}
	return nil
}

// spread adds the columns of such a function: those that are named, or all
// under the function's, its argument's and the member's name. false: it is another expression.
func (b *binder) spread(n syntax.Named, c *rowContext, add func(string, expression)) bool {
	x, ok := n.X.(*syntax.Call)
	if !ok {
		return false
	}
	members := membersOf(x.Name)
	if members == nil {
		return false
	}
	inner := *x
	inner.Name += "_dynamic"
	object := b.scalar(&inner, c)
	prefix := x.Name + "_"
	if len(x.Arguments) > 0 {
		if of := b.nameOf(x.Arguments[0].Value); of != "" {
			prefix += of + "_"
		}
	}
	for i, m := range members {
		name, letter, typed := strings.Cut(m, ":")
		t := table.Real
		if typed {
			t = letterType(letter[0])
		}
		var v expression = call(table.Dynamic, "member", object, text("$."+name))
		v = b.convert(v, t)
		switch {
		case i < len(n.Names):
			add(n.Names[i], v)
		case len(n.Names) == 0:
			add(prefix+name, v)
		}
	}
	return true
}
