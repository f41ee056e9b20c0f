package kql

import (
	"cmp"
	"encoding/json"
	"slices"

	"gatehouse/internal/store/lake"
)

// digestSize is how many centres a digest has at most. One of fewer distinct
// values is exact.
const digestSize = 2000

// digestFunctions read what the aggregates tdigest and tdigest_merge make: an
// array of pairs of a value and a weight, by value.
func digestFunctions() []function {
	return []function{
		{"percentiles_array_tdigest", "jr*", "j", "CAST(kql_digest_percentiles(CAST({0} AS VARCHAR), CAST(json_array({1}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"rank_tdigest", "jr", "r", "kql_digest_rank(CAST({0} AS VARCHAR), {1})", unnamed},
		{"percentrank_tdigest", "jr", "r", "kql_digest_rank(CAST({0} AS VARCHAR), {1}) * 100 / nullif(kql_digest_rank(CAST({0} AS VARCHAR), 'inf'::DOUBLE), 0)", unnamed},
		{"tdigest_merge", "jj*", "j", "CAST(kql_digest_merge(CAST(json_array({0}, {1}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"merge_tdigest", "jj*", "j", "CAST(kql_digest_merge(CAST(json_array({0}, {1}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"hll_merge", "jj*", "j", "to_json(list_sort(list_distinct(flatten(CAST(json_array({0}, {1}{*}) AS UBIGINT[][]))))[1:4096])", unnamed},
	}
}

func digestNatives() []lake.Function {
	return []lake.Function{
		native("digest", "s>s", func(a []any) any { return jsonOf(digestOf(a[0].(string)).compress()) }),
		native("digest_merge", "s>s", func(a []any) any {
			var list []digest
			if json.Unmarshal([]byte(a[0].(string)), &list) != nil {
				return nil
			}
			return jsonOf(slices.Concat(list...).compress())
		}),
		native("digest_percentile", "sr>r", func(a []any) any { return digestOf(a[0].(string)).percentile(a[1].(float64)) }),
		native("digest_percentiles", "ss>s", func(a []any) any {
			d, list := digestOf(a[0].(string)), []any{}
			for _, p := range numbersOf(a[1].(string)) {
				if p != nil {
					list = append(list, d.percentile(*p))
				}
			}
			return jsonOf(list)
		}),
		native("digest_rank", "sr>r", func(a []any) any {
			sum := 0.0
			for _, c := range digestOf(a[0].(string)) {
				if c[0] <= a[1].(float64) {
					sum += c[1]
				}
			}
			return sum
		}),
	}
}

type digest [][2]float64

func digestOf(text string) (d digest) {
	if json.Unmarshal([]byte(text), &d) != nil {
		return nil
	}
	return d
}

// compress sorts the centres, joins equal values and, when there are too many,
// neighbours: the fewer the nearer they are to an end, so that high percentiles
// stay sharp.
func (d digest) compress() digest {
	slices.SortFunc(d, func(x, y [2]float64) int { return cmp.Compare(x[0], y[0]) })
	out, total := digest{}, 0.0
	for _, c := range d {
		total += c[1]
		if n := len(out); n > 0 && out[n-1][0] == c[0] {
			out[n-1][1] += c[1]
		} else if c[1] > 0 {
			out = append(out, c)
		}
	}
	if len(out) <= digestSize {
		return out
	}
	joined, before := digest{}, 0.0
	for _, c := range out {
		n := len(joined)
		q := (before + c[1]/2) / total
		if most := total * 8 * q * (1 - q) / digestSize; n > 0 && joined[n-1][1]+c[1] <= most {
			sum := joined[n-1][1] + c[1]
			joined[n-1][0] += (c[0] - joined[n-1][0]) * c[1] / sum
			joined[n-1][1] = sum
		} else {
			joined = append(joined, c)
		}
		before += c[1]
	}
	return joined
}

// percentile is the value at which the weights below reach the share.
func (d digest) percentile(percent float64) any { return weightedPercentile(d, percent) }
