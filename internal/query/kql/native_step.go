package kql

import (
	"encoding/json"
	"slices"

	"gatehouse/internal/store/lake"
)

// stepNatives are behind operators and plugins.
func stepNatives() []lake.Function {
	return []lake.Function{
		native("common", "s>l", func(a []any) any { return commonOfSketches(a[0].(string)) }),
	}
}

// commonOfSketches is how many values all sketches have in common: exactly while
// none of them is full, else by the share of the smallest hashes of all.
func commonOfSketches(text string) any {
	var sketches [][]uint64
	if json.Unmarshal([]byte(text), &sketches) != nil {
		return nil
	}
	in := map[uint64]int{}
	full := false
	for _, s := range sketches {
		full = full || len(s) >= sketchSize
		for _, h := range s {
			in[h]++
		}
	}
	union := make([]uint64, 0, len(in))
	for h := range in {
		union = append(union, h)
	}
	slices.Sort(union)
	if full {
		union = union[:min(len(union), sketchSize)]
	}
	common := 0
	for _, h := range union {
		if in[h] == len(sketches) {
			common++
		}
	}
	if !full || len(union) < sketchSize {
		return int64(common)
	}
	const space = float64(1 << 53)
	all := float64(len(union)-1) * space / float64(union[len(union)-1])
	return int64(all * float64(common) / float64(len(union)))
}
