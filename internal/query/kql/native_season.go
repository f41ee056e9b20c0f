package kql

import (
	"math"
	"slices"

	"gatehouse/internal/store/lake"
)

// seasonFunctions find lines, periods and anomalies in series. Those that give
// several columns in KQL give one object here; see membersOf.
func seasonFunctions() []function {
	object := func(name, takes, more string) function {
		return function{name, takes, "j", "CAST(kql_" + name + "(CAST({0} AS VARCHAR)" + more + ") AS JSON)", unnamed}
	}
	return []function{
		object("series_fit_2lines_dynamic", "j", ""),
		object("series_periods_detect_dynamic", "jrr?l", ", {1}, {2}, {3|1}"),
		{"series_periods_validate_dynamic", "jr*", "j", "CAST(kql_series_periods_validate_dynamic(CAST({0} AS VARCHAR), CAST(json_array({1}{*}) AS VARCHAR)) AS JSON)", unnamed},
		object("series_seasonal", "j?l", ", {1|-1}"),
		object("series_decompose_dynamic", "j?lslr", ", {1|-1}, {2|'avg'}, {3|0}, {4|0.6::DOUBLE}"),
		{"series_decompose_anomalies_dynamic", "j?rlslsr", "j",
			"CAST(kql_series_decompose_anomalies_dynamic(CAST({0} AS VARCHAR), {1|1.5::DOUBLE}, {2|-1}, {3|'avg'}, {4|0}, {5|'ctukey'}, {6|0.6::DOUBLE}) AS JSON)", unnamed},
		object("series_decompose_forecast", "jl?lsr", ", {1}, {2|-1}, {3|'linefit'}, {4|0.6::DOUBLE}"),
	}
}

func seasonNatives() []lake.Function {
	return []lake.Function{
		native("series_fit_2lines_dynamic", "s>s", func(a []any) any { return fit2Lines(filled(numbersOf(a[0].(string)))) }),
		native("series_periods_detect_dynamic", "srrl>s", func(a []any) any {
			return jsonOf(detect(filled(numbersOf(a[0].(string))), a[1].(float64), a[2].(float64), int(min(max(a[3].(int64), 1), 100))))
		}),
		native("series_periods_validate_dynamic", "ss>s", func(a []any) any {
			x, p := filled(numbersOf(a[0].(string))), periods{Periods: []float64{}, Scores: []float64{}}
			for _, n := range numbersOf(a[1].(string)) {
				if n != nil && *n > 0 && len(p.Periods) < 16 {
					p.Periods, p.Scores = append(p.Periods, *n), append(p.Scores, max(correlation(x, int(math.Round(*n))), 0))
				}
			}
			return jsonOf(p)
		}),
		native("series_seasonal", "sl>s", func(a []any) any {
			x := filled(numbersOf(a[0].(string)))
			return jsonOf(repeated(x, period(x, a[1].(int64), 0), len(x)))
		}),
		native("series_decompose_dynamic", "slslr>s", func(a []any) any {
			return jsonOf(decompose(filled(numbersOf(a[0].(string))), a[1].(int64), a[2].(string), a[3].(int64), a[4].(float64)))
		}),
		native("series_decompose_anomalies_dynamic", "srlslsr>s", func(a []any) any {
			d := decompose(filled(numbersOf(a[0].(string))), a[2].(int64), a[3].(string), a[4].(int64), a[6].(float64))
			return jsonOf(d.anomalies(a[1].(float64), a[5].(string)))
		}),
		native("series_decompose_forecast", "sllsr>s", func(a []any) any {
			return jsonOf(decompose(filled(numbersOf(a[0].(string))), a[2].(int64), a[3].(string), a[1].(int64), a[4].(float64)).Baseline)
		}),
	}
}

// filled gives a series without gaps, by straight lines.
func filled(x []*float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		if x[i] != nil {
			out[i] = *x[i]
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
		case before >= 0 && after < len(x):
			out[i] = out[before] + (*x[after]-out[before])*float64(i-before)/float64(after-before)
		case before >= 0:
			out[i] = out[before]
		case after < len(x):
			out[i] = *x[after]
		}
	}
	return out
}

// line is the line of least squares through a part of a series.
type line struct{ slope, start, variance, rest, fit float64 }

func lineOf(x []float64) line {
	n, si, sv, sii, siv, svv := float64(len(x)), 0.0, 0.0, 0.0, 0.0, 0.0
	for i, v := range x {
		k := float64(i)
		si, sv, sii, siv, svv = si+k, sv+v, sii+k*k, siv+k*v, svv+v*v
	}
	l := line{fit: 1, start: sv / max(n, 1)}
	if n < 2 {
		return l
	}
	l.slope = (n*siv - si*sv) / (n*sii - si*si)
	l.start = (sv - l.slope*si) / n
	total := max(svv-sv*sv/n, 0)
	rest := 0.0
	for i, v := range x {
		rest += math.Pow(v-l.start-l.slope*float64(i), 2)
	}
	l.variance, l.rest = total/(n-1), rest/(n-1)
	if total > 0 {
		l.fit = 1 - rest/total
	}
	return l
}

// max2Lines bounds series for which every split is tried.
const max2Lines = 5000

// fit2Lines finds the split with the least rest around two lines.
func fit2Lines(x []float64) any {
	if len(x) < 4 || len(x) > max2Lines {
		return nil
	}
	best, least := 0, math.Inf(1)
	for split := 2; split <= len(x)-2; split++ {
		l, r := lineOf(x[:split]), lineOf(x[split:])
		if rest := l.rest*float64(split-1) + r.rest*float64(len(x)-split-1); rest < least {
			best, least = split, rest
		}
	}
	l, r, whole := lineOf(x[:best]), lineOf(x[best:]), lineOf(x)
	fits := make([]float64, len(x))
	for i := range x {
		if i < best {
			fits[i] = l.start + l.slope*float64(i)
		} else {
			fits[i] = r.start + r.slope*float64(i-best)
		}
	}
	rest, fit := least/float64(len(x)-1), 1.0
	if whole.variance > 0 {
		fit = 1 - rest/whole.variance
	}
	return jsonOf(map[string]any{"rsquare": fit, "split_idx": best, "variance": whole.variance, "rvariance": rest, "line_fit": fits,
		"right_rsquare": r.fit, "right_slope": r.slope, "right_interception": r.start, "right_variance": r.variance, "right_rvariance": r.rest,
		"left_rsquare": l.fit, "left_slope": l.slope, "left_interception": l.start, "left_variance": l.variance, "left_rvariance": l.rest})
}

// periods of a series with scores from 0 to 1.
type periods struct {
	Periods []float64 `json:"periods"`
	Scores  []float64 `json:"scores"`
}

// correlation of a series with itself, a number of steps later.
func correlation(x []float64, lag int) float64 {
	if lag < 1 || lag > len(x)-2 {
		return 0
	}
	a, b := x[:len(x)-lag], x[lag:]
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		sa, sb, saa, sbb, sab = sa+a[i], sb+b[i], saa+a[i]*a[i], sbb+b[i]*b[i], sab+a[i]*b[i]
	}
	d := (n*saa - sa*sa) * (n*sbb - sb*sb)
	if d <= 0 {
		return 0
	}
	return (n*sab - sa*sb) / math.Sqrt(d)
}

// detect finds the periods at which a series resembles itself most: peaks of
// its correlation, without multiples of a better one that add nothing.
func detect(x []float64, low, high float64, count int) periods {
	last := min(int(high), len(x)/2)
	if len(x)*last > maxSteps {
		last = maxSteps / len(x)
	}
	r := make([]float64, last+2)
	for lag := 1; lag < len(r); lag++ {
		r[lag] = correlation(x, lag)
	}
	type peak struct {
		lag   int
		score float64
	}
	var peaks []peak
	for lag := max(2, int(math.Ceil(low))); lag <= last; lag++ {
		if r[lag] > 0 && r[lag] > r[lag-1] && r[lag] >= r[lag+1] {
			peaks = append(peaks, peak{lag, r[lag]})
		}
	}
	slices.SortStableFunc(peaks, func(a, b peak) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	out := periods{Periods: make([]float64, count), Scores: make([]float64, count)}
	found := 0
	for _, p := range peaks {
		multiple := false
		for k := range peaks {
			q := peaks[k]
			multiple = multiple || q.lag < p.lag && p.lag%q.lag == 0 && q.score > 0.9*p.score
		}
		if !multiple && found < count {
			out.Periods[found], out.Scores[found] = float64(p.lag), p.score
			found++
		}
	}
	return out
}

// period is the one asked for; -1 is found out, 0 is none.
func period(x []float64, asked int64, threshold float64) int {
	switch {
	case asked > 0:
		return int(min(asked, int64(len(x))))
	case asked == 0:
		return 0
	}
	p := detect(x, 2, float64(len(x)/2), 1)
	if p.Scores[0] < threshold {
		return 0
	}
	return int(p.Periods[0])
}

// repeated is the mean of each place in the period, n values of it.
func repeated(x []float64, period, n int) []float64 {
	out := make([]float64, n)
	if period < 1 {
		return out
	}
	sums, counts := make([]float64, period), make([]float64, period)
	for i, v := range x {
		sums[i%period] += v
		counts[i%period]++
	}
	for i := range out {
		out[i] = sums[i%period] / max(counts[i%period], 1)
	}
	return out
}

// parts of a series: baseline is seasonal and trend, residual the rest.
type parts struct {
	Baseline []float64 `json:"baseline"`
	Seasonal []float64 `json:"seasonal"`
	Trend    []float64 `json:"trend"`
	Residual []float64 `json:"residual"`
}

// decompose learns from all points but the last ones, which are for testing.
func decompose(x []float64, asked int64, trend string, testing int64, threshold float64) parts {
	known := x[:max(len(x)-int(min(max(testing, 0), int64(len(x)))), 0)]
	p := parts{Trend: make([]float64, len(x)), Baseline: make([]float64, len(x)), Residual: make([]float64, len(x))}
	l := lineOf(known)
	mean := 0.0
	for _, v := range known {
		mean += v / float64(len(known))
	}
	flat := make([]float64, len(known))
	for i := range x {
		switch trend {
		case "avg":
			p.Trend[i] = mean
		case "linefit":
			p.Trend[i] = l.start + l.slope*float64(i)
		}
		if i < len(known) {
			flat[i] = known[i] - p.Trend[i]
		}
	}
	p.Seasonal = repeated(flat, period(flat, asked, threshold), len(x))
	for i := range x {
		p.Baseline[i] = p.Seasonal[i] + p.Trend[i]
		p.Residual[i] = x[i] - p.Baseline[i]
	}
	return p
}

// anomaly of each point: 1 above, -1 below, 0 none.
type anomaly struct {
	Flag     []int     `json:"ad_flag"`
	Score    []float64 `json:"ad_score"`
	Baseline []float64 `json:"baseline"`
}

// anomalies scores what is left beside the baseline.
func (p parts) anomalies(threshold float64, method string) anomaly {
	low, high := 10.0, 90.0
	if method == "tukey" {
		low, high = 25, 75
	}
	x := make([]*float64, len(p.Residual))
	for i := range x {
		x[i] = &p.Residual[i]
	}
	out := anomaly{Flag: make([]int, len(x)), Score: outliers(x, math.NaN(), low, high), Baseline: p.Baseline}
	for i, s := range out.Score {
		switch {
		case s > threshold:
			out.Flag[i] = 1
		case s < -threshold:
			out.Flag[i] = -1
		}
	}
	return out
}
