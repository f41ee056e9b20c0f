package kql

import (
	"math"
	"slices"

	"gatehouse/internal/store/lake"
)

// filterFunctions smooth, compare and score series.
func filterFunctions() []function {
	return []function{
		{"series_fir", "jj?bb", "j", "CAST(kql_series_fir(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR), CAST(CASE WHEN {2|NULL} IS NULL THEN -1 WHEN {2|NULL} THEN 1 ELSE 0 END AS BIGINT), {3|false}) AS JSON)", unnamed},
		{"series_iir", "jjj", "j", "CAST(kql_series_iir(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR), CAST({2} AS VARCHAR)) AS JSON)", unnamed},
		{"series_outliers", "j?srrr", "j", "CAST(kql_series_outliers(CAST({0} AS VARCHAR), {1|'ctukey'}, coalesce({2|NULL}, 'nan'::DOUBLE), {3|10.0::DOUBLE}, {4|90.0::DOUBLE}) AS JSON)", unnamed},
		{"series_cosine_similarity", "jj?rr", "r", "kql_series_cosine(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR))", unnamed},
		{"welch_test", "rrrrrr", "r", "kql_welch({0}, {1}, {2}, {3}, {4}, {5})", unnamed},
		{"beta_cdf", "rrr", "r", "kql_beta_cdf({0}, {1}, {2})", unnamed},
	}
}

func filterNatives() []lake.Function {
	return []lake.Function{
		native("series_fir", "sslb>s", func(a []any) any {
			return fir(numbersOf(a[0].(string)), numbersOf(a[1].(string)), a[2].(int64), a[3].(bool))
		}),
		native("series_iir", "sss>s", func(a []any) any {
			return iir(numbersOf(a[0].(string)), numbersOf(a[1].(string)), numbersOf(a[2].(string)))
		}),
		native("series_outliers", "ssrrr>s", func(a []any) any {
			low, high := a[3].(float64), a[4].(float64)
			if a[1].(string) == "tukey" {
				low, high = 25, 75
			}
			return jsonOf(outliers(numbersOf(a[0].(string)), a[2].(float64), low, high))
		}),
		native("series_cosine", "ss>r", func(a []any) any {
			x, y := numbersOf(a[0].(string)), numbersOf(a[1].(string))
			dot, xx, yy := 0.0, 0.0, 0.0
			for i := range min(len(x), len(y)) {
				if x[i] != nil && y[i] != nil {
					dot, xx, yy = dot+*x[i]**y[i], xx+*x[i]**x[i], yy+*y[i]**y[i]
				}
			}
			return finite(dot / math.Sqrt(xx*yy))
		}),
		native("welch", "rrrrrr>r", func(a []any) any {
			f := func(i int) float64 { return a[i].(float64) }
			return welch(f(0), f(1), f(2), f(3), f(4), f(5))
		}),
		native("beta_cdf", "rrr>r", func(a []any) any {
			x, p, q := a[0].(float64), a[1].(float64), a[2].(float64)
			if x < 0 || x > 1 || p <= 0 || q <= 0 {
				return math.NaN()
			}
			return incompleteBeta(x, p, q)
		}),
	}
}

func valueAt(x []*float64, i int) float64 {
	if i < 0 || i >= len(x) || x[i] == nil {
		return 0
	}
	return *x[i]
}

// maxSteps bounds the multiplications of one call; beyond is null.
const maxSteps = 50_000_000

// fir convolves with a filter; what is outside the series counts as zero.
// normalize: 1 yes, 0 no, -1 when the filter has nothing below zero.
func fir(x, filter []*float64, normalize int64, center bool) any {
	if len(x)*len(filter) > maxSteps || len(filter) == 0 {
		return nil
	}
	total, negative := 0.0, false
	for k := range filter {
		total += valueAt(filter, k)
		negative = negative || valueAt(filter, k) < 0
	}
	if normalize == 1 && negative {
		return nil
	}
	if normalize == 0 || negative || total == 0 {
		total = 1
	}
	shift := 0
	if center {
		shift = len(filter) / 2
	}
	out := make([]any, len(x))
	for n := range x {
		sum := 0.0
		for k := range filter {
			sum += valueAt(filter, k) * valueAt(x, n+shift-k)
		}
		out[n] = finite(sum / total)
	}
	return jsonOf(out)
}

// iir is the recursive filter with numerators b and denominators a.
func iir(x, b, a []*float64) any {
	first := valueAt(a, 0)
	if first == 0 || len(x)*(len(a)+len(b)) > maxSteps {
		return nil
	}
	y := make([]float64, len(x))
	out := make([]any, len(x))
	for n := range x {
		sum := 0.0
		for k := range b {
			sum += valueAt(b, k) * valueAt(x, n-k)
		}
		for k := 1; k < len(a) && k <= n; k++ {
			sum -= valueAt(a, k) * y[n-k]
		}
		y[n] = sum / first
		out[n] = finite(y[n])
	}
	return jsonOf(out)
}

// outliers are distances from the range between two percentiles, in widths of
// that range: Tukey's fences lie at 1.5.
func outliers(x []*float64, ignored, low, high float64) []float64 {
	var known []float64
	for _, v := range x {
		if v != nil && *v != ignored {
			known = append(known, *v)
		}
	}
	out := make([]float64, len(x))
	if len(known) == 0 {
		return out
	}
	slices.Sort(known)
	l, h := between(known, low/100), between(known, high/100)
	for i, v := range x {
		if v == nil || *v == ignored || h == l {
			continue
		}
		out[i] = max(*v-h, 0)/(h-l) + min(*v-l, 0)/(h-l)
	}
	return out
}

// between is a percentile with linear interpolation.
func between(sorted []float64, share float64) float64 {
	at := min(max(share, 0), 1) * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (sorted[i+1]-sorted[i])*(at-float64(i))
}

// welch is the two-sided p-value of Welch's test.
func welch(m1, v1, n1, m2, v2, n2 float64) any {
	a, b := v1/n1, v2/n2
	if n1 < 2 || n2 < 2 || v1 < 0 || v2 < 0 || a+b == 0 {
		return nil
	}
	t := (m1 - m2) / math.Sqrt(a+b)
	freedom := (a + b) * (a + b) / (a*a/(n1-1) + b*b/(n2-1))
	return incompleteBeta(freedom/(freedom+t*t), freedom/2, 0.5)
}

// incompleteBeta is the regularized incomplete beta function, by its continued
// fraction (Lentz).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	f, c, d := 1.0, 1.0, 0.0
	for i := range 2000 {
		m := float64(i / 2)
		var n float64
		switch {
		case i == 0:
			n = 1
		case i%2 == 0:
			n = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			n = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		if d = 1 + n*d; math.Abs(d) < tiny {
			d = tiny
		}
		if c = 1 + n/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		f *= c * d
		if math.Abs(1-c*d) < 1e-15 {
			break
		}
	}
	return front * (f - 1)
}
