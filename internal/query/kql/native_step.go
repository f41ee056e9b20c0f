package kql

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/store/lake"
)

// stepNatives are behind operators and plugins.
func stepNatives() []lake.Function {
	cache := &expressionCache{}
	return []lake.Function{
		native("pairs", "ss>s", func(a []any) any { return parsePairs(cache, a[0].(string), a[1].(string)) }),
		native("has_part", "ssbbb>b", func(a []any) any {
			return hasPart(a[0].(string), a[1].(string), a[2].(bool), a[3].(bool), a[4].(bool))
		}),
		native("filled", "s>s", func(a []any) any { return filledBag(a[0].(string)) }),
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

// filledBag leaves out the members of a bag that are null or empty texts.
func filledBag(text string) any {
	bag := rawBag(text)
	for k, v := range bag {
		if s := string(v); s == "null" || s == `""` {
			delete(bag, k)
		}
	}
	return jsonOf(bag)
}

// hasPart says whether a term of a text starts with a part (start), or ends with
// it (end).
func hasPart(text, part string, exact, start, end bool) bool {
	if !exact {
		text, part = strings.ToLower(text), strings.ToLower(part)
	}
	if part == "" {
		return true
	}
	first, _ := utf8.DecodeRuneInString(part)
	last, _ := utf8.DecodeLastRuneInString(part)
	for at := 0; ; {
		i := strings.Index(text[at:], part)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(part)
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[to:])
		opens := from == 0 || !alphanumeric(before) || !alphanumeric(first)
		closes := to == len(text) || !alphanumeric(after) || !alphanumeric(last)
		if (opens || !start) && (closes || !end) {
			return true
		}
		at = from + 1
		for at < len(text) && !utf8.RuneStart(text[at]) {
			at++
		}
	}
}
