package kql

import (
	"encoding/json"
	"math"
	"sort"

	"gatehouse/internal/store/lake"
)

// seriesNatives work on arrays of numbers, in which null is a gap.
func seriesNatives() []lake.Function {
	return []lake.Function{
		native("series_pairs", "sss>s", func(a []any) any {
			return seriesPairs(a[0].(string), numbersOf(a[1].(string)), numbersOf(a[2].(string)))
		}),
		native("series_each", "ss>s", func(a []any) any { return seriesEach(a[0].(string), numbersOf(a[1].(string))) }),
		native("series_number", "ss>r", func(a []any) any {
			product, squares := 1.0, 0.0
			for _, v := range numbersOf(a[1].(string)) {
				if v != nil {
					product, squares = product**v, squares+*v**v
				}
			}
			if a[0].(string) == "magnitude" {
				return math.Sqrt(squares)
			}
			return product
		}),
		native("series_fill", "sss>s", func(a []any) any { return seriesFill(a[0].(string), numbersOf(a[1].(string)), a[2].(string)) }),
		native("series_pearson", "ss>r", func(a []any) any { return pearson(numbersOf(a[0].(string)), numbersOf(a[1].(string))) }),
		native("series_stats", "s>s", func(a []any) any { return seriesStats(numbersOf(a[0].(string))) }),
		native("series_fit_line", "s>s", func(a []any) any { return fitLine(numbersOf(a[0].(string))) }),
		native("percentile_weighted", "sr>r", func(a []any) any {
			var pairs [][2]float64
			if json.Unmarshal([]byte(a[0].(string)), &pairs) != nil {
				return nil
			}
			return weightedPercentile(pairs, a[1].(float64))
		}),
	}
}

// weightedPercentile is the value at which the weights below reach the share.
func weightedPercentile(pairs [][2]float64, percent float64) any {
	sort.Slice(pairs, func(i, j int) bool { return pairs[i][0] < pairs[j][0] })
	total := 0.0
	for _, p := range pairs {
		total += p[1]
	}
	sum := 0.0
	for _, p := range pairs {
		if sum += p[1]; sum >= total*percent/100 {
			return p[0]
		}
	}
	return nil
}

// finite turns what JSON cannot say into a gap.
func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

func seriesPairs(op string, x, y []*float64) string {
	out := make([]any, max(len(x), len(y)))
	for i := range out {
		if i >= len(x) || i >= len(y) || x[i] == nil || y[i] == nil {
			continue
		}
		out[i] = pairOf(op, *x[i], *y[i])
	}
	return jsonOf(out)
}

func pairOf(op string, x, y float64) any {
	switch op {
	case "add":
		return finite(x + y)
	case "subtract":
		return finite(x - y)
	case "multiply":
		return finite(x * y)
	case "divide":
		return finite(x / y)
	case "pow":
		return finite(math.Pow(x, y))
	case "equals":
		return x == y
	case "not_equals":
		return x != y
	case "less":
		return x < y
	case "less_equals":
		return x <= y
	case "greater":
		return x > y
	}
	return x >= y
}

func seriesEach(op string, x []*float64) string {
	out := make([]any, len(x))
	sum := 0.0
	for i, v := range x {
		if v == nil {
			continue
		}
		if op == "cumsum" {
			sum += *v
			out[i] = finite(sum)
			continue
		}
		out[i] = finite(eachOf(op, *v))
	}
	return jsonOf(out)
}

func eachOf(op string, v float64) float64 {
	switch op {
	case "abs":
		return math.Abs(v)
	case "exp":
		return math.Exp(v)
	case "sign":
		return float64(b2i(v > 0) - b2i(v < 0))
	case "floor":
		return math.Floor(v)
	case "ceiling":
		return math.Ceil(v)
	case "log":
		return math.Log(v)
	case "sin":
		return math.Sin(v)
	case "cos":
		return math.Cos(v)
	case "tan":
		return math.Tan(v)
	case "asin":
		return math.Asin(v)
	case "acos":
		return math.Acos(v)
	case "atan":
		return math.Atan(v)
	}
	return float64(b2i(v == 0)) // not
}

// seriesFill fills gaps; a gap at an end that has no neighbour stays.
func seriesFill(how string, x []*float64, constant string) string {
	out := make([]any, len(x))
	for i, v := range x {
		if v != nil {
			out[i] = *v
			continue
		}
		before, after := i-1, i+1
		for before >= 0 && x[before] == nil {
			before--
		}
		for after < len(x) && x[after] == nil {
			after++
		}
		switch {
		case how == "const":
			out[i] = json.RawMessage(constant)
		case how == "forward" && before >= 0:
			out[i] = *x[before]
		case how == "backward" && after < len(x):
			out[i] = *x[after]
		case how == "linear" && before >= 0 && after < len(x):
			out[i] = *x[before] + (*x[after]-*x[before])*float64(i-before)/float64(after-before)
		case how == "linear" && before >= 0:
			out[i] = *x[before]
		case how == "linear" && after < len(x):
			out[i] = *x[after]
		}
	}
	return jsonOf(out)
}

func pearson(x, y []*float64) any {
	n, sx, sy, sxx, syy, sxy := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range min(len(x), len(y)) {
		if x[i] == nil || y[i] == nil {
			continue
		}
		a, b := *x[i], *y[i]
		n, sx, sy, sxx, syy, sxy = n+1, sx+a, sy+b, sxx+a*a, syy+b*b, sxy+a*b
	}
	return finite((n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy)))
}

func seriesStats(x []*float64) any {
	lowest, highest, at, top, n, sum, squares := math.Inf(1), math.Inf(-1), 0, 0, 0.0, 0.0, 0.0
	for i, v := range x {
		if v == nil {
			continue
		}
		if *v < lowest {
			lowest, at = *v, i
		}
		if *v > highest {
			highest, top = *v, i
		}
		n, sum, squares = n+1, sum+*v, squares+*v**v
	}
	if n == 0 {
		return nil
	}
	variance := 0.0
	if n > 1 {
		variance = math.Max(0, (squares-sum*sum/n)/(n-1))
	}
	return jsonOf(map[string]any{"min": lowest, "min_idx": at, "max": highest, "max_idx": top, "avg": sum / n, "stdev": math.Sqrt(variance), "variance": variance})
}

// fitLine is the line of least squares, with how well it fits.
func fitLine(x []*float64) any {
	n, si, sv, sii, siv := 0.0, 0.0, 0.0, 0.0, 0.0
	for i, v := range x {
		if v != nil {
			k := float64(i)
			n, si, sv, sii, siv = n+1, si+k, sv+*v, sii+k*k, siv+k**v
		}
	}
	if n < 2 {
		return nil
	}
	slope := (n*siv - si*sv) / (n*sii - si*si)
	start := (sv - slope*si) / n
	total, rest := 0.0, 0.0
	line := make([]float64, len(x))
	for i, v := range x {
		line[i] = start + slope*float64(i)
		if v != nil {
			total, rest = total+math.Pow(*v-sv/n, 2), rest+math.Pow(*v-line[i], 2)
		}
	}
	fit := 1.0
	if total > 0 {
		fit = 1 - rest/total
	}
	return jsonOf(map[string]any{"rsquare": fit, "slope": slope, "variance": total / (n - 1), "rvariance": rest / (n - 1), "interception": start, "line_fit": line})
}
