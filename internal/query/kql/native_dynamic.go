package kql

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/store/lake"
)

// maxElements bounds the arrays that a function makes.
const maxElements = 1 << 20

// rawArray reads an array's elements as JSON; nil when it is none.
func rawArray(text string) []json.RawMessage {
	var out []json.RawMessage
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

func rawText(list []json.RawMessage) string {
	if list == nil {
		list = []json.RawMessage{}
	}
	return jsonOf(list)
}

// onArray runs f when the text is an array; else the result is null.
func onArray(text string, f func(list []json.RawMessage) any) any {
	list := rawArray(text)
	if list == nil {
		return nil
	}
	return f(list)
}

func arrayNatives() []lake.Function {
	return []lake.Function{
		native("parse_json", "s>s", func(a []any) any { return parseJSON(a[0].(string)) }),
		native("array_concat", "s>s", func(a []any) any {
			out := []json.RawMessage{}
			for _, part := range rawArray(a[0].(string)) {
				if list := rawArray(string(part)); list != nil {
					out = append(out, list...)
				} else if string(part) != "null" {
					out = append(out, part)
				}
			}
			return rawText(out)
		}),
		native("array_sum", "s>r", func(a []any) any {
			sum := 0.0
			for _, v := range numbersOf(a[0].(string)) {
				if v != nil {
					sum += *v
				}
			}
			return sum
		}),
		native("array_sort", "sb>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any { return rawText(sortedArray(list, a[1].(bool))) })
		}),
		native("array_reverse", "s>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any { slices.Reverse(list); return rawText(list) })
		}),
		native("array_slice", "sll>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any { return rawText(slice(list, a[1].(int64), a[2].(int64))) })
		}),
		native("array_split", "sl>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any {
				at := within(a[1].(int64), len(list))
				return jsonOf([][]json.RawMessage{slices.Clone(list[:at]), slices.Clone(list[at:])})
			})
		}),
		native("array_index_of", "ss>l", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any {
				return int64(slices.IndexFunc(list, func(m json.RawMessage) bool { return sameJSON(m, []byte(a[1].(string))) }))
			})
		}),
		native("array_iff", "sss>s", func(a []any) any { return arrayIff(a[0].(string), a[1].(string), a[2].(string)) }),
		native("array_rotate", "sl>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any {
				if len(list) == 0 {
					return "[]"
				}
				n := int((a[1].(int64)%int64(len(list)) + int64(len(list))) % int64(len(list)))
				return rawText(slices.Concat(list[n:], list[:n]))
			})
		}),
		native("array_shift", "sl>s", func(a []any) any {
			return onArray(a[0].(string), func(list []json.RawMessage) any {
				out := make([]json.RawMessage, len(list))
				for i := range out {
					out[i] = json.RawMessage("null")
					if from := int64(i) + a[1].(int64); from >= 0 && from < int64(len(list)) {
						out[i] = list[from]
					}
				}
				return rawText(out)
			})
		}),
		native("repeat", "sl>s", func(a []any) any {
			if n := min(max(a[1].(int64), 0), maxElements); n*int64(len(a[0].(string))+1) > maxMade {
				return nil
			}
			out := make([]json.RawMessage, 0)
			for range min(max(a[1].(int64), 0), maxElements) {
				out = append(out, json.RawMessage(a[0].(string)))
			}
			return rawText(out)
		}),
		native("range_long", "lll>s", func(a []any) any {
			return rangeOf(a, func(n int64) any { return n })
		}),
		native("range_datetime", "lll>s", func(a []any) any { return rangeOf(a, func(n int64) any { return datetimeText(n) }) }),
		native("range_timespan", "lll>s", func(a []any) any { return rangeOf(a, func(n int64) any { return syntax.FormatTimespan(n) }) }),
		native("range_real", "rrr>s", func(a []any) any {
			from, to, step := a[0].(float64), a[1].(float64), a[2].(float64)
			out := []float64{}
			for i := 0; step != 0 && i < maxElements; i++ {
				v := from + float64(i)*step
				if step > 0 && v > to || step < 0 && v < to {
					break
				}
				out = append(out, v)
			}
			return jsonOf(out)
		}),
		native("strcat_array", "ss>s", func(a []any) any { return strings.Join(jsonTexts(a[0].(string)), a[1].(string)) }),
		native("set_equals", "ss>b", func(a []any) any {
			return combine("["+a[0].(string)+","+a[1].(string)+"]", func(n, sets int) bool { return n < sets }, false) == "[]"
		}),
		native("set_union", "s>s", func(a []any) any { return combine(a[0].(string), func(n, sets int) bool { return n > 0 }, false) }),
		native("set_intersect", "s>s", func(a []any) any { return combine(a[0].(string), func(n, sets int) bool { return n == sets }, false) }),
		native("set_difference", "s>s", func(a []any) any { return combine(a[0].(string), func(n, _ int) bool { return n == 1 }, true) }),
		native("jaccard", "ss>r", func(a []any) any {
			both := "[" + a[0].(string) + "," + a[1].(string) + "]"
			all := len(rawArray(combine(both, func(n, _ int) bool { return n > 0 }, false)))
			if all == 0 {
				return nil
			}
			return float64(len(rawArray(combine(both, func(n, _ int) bool { return n == 2 }, false)))) / float64(all)
		}),
		native("zip", "s>s", func(a []any) any { return zip(a[0].(string)) }),
		native("dcount_hll", "s>l", func(a []any) any { return countSketch(a[0].(string)) }),
	}
}

// parseJSON is parse_json(): a text that is no JSON stays a text.
func parseJSON(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	var raw json.RawMessage
	if d.Decode(&raw) == nil {
		if _, err := d.Token(); err == io.EOF {
			return string(raw)
		}
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return jsonOf(text)
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return errX == nil && errY == nil && x == y
}

// sortedArray puts numbers and texts in order; nulls go last.
func sortedArray(list []json.RawMessage, descending bool) []json.RawMessage {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b json.RawMessage) int {
		switch nullA, nullB := string(a) == "null", string(b) == "null"; {
		case nullA || nullB:
			return b2i(nullA) - b2i(nullB)
		}
		c := strings.Compare(string(a), string(b))
		x, errX := strconv.ParseFloat(string(a), 64)
		y, errY := strconv.ParseFloat(string(b), 64)
		if errX == nil && errY == nil {
			c = cmp.Compare(x, y)
		}
		if descending {
			return -c
		}
		return c
	})
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// within turns an index that may count from the end into one of 0 to n.
func within(i int64, n int) int {
	if i < 0 {
		i += int64(n)
	}
	return int(min(max(i, 0), int64(n)))
}

// slice includes both ends.
func slice(list []json.RawMessage, from, to int64) []json.RawMessage {
	if to < 0 {
		to += int64(len(list))
	}
	start, end := within(from, len(list)), int(min(to+1, int64(len(list))))
	if start >= end {
		return nil
	}
	return list[start:end]
}

func arrayIff(conditions, yes, no string) any {
	return onArray(conditions, func(list []json.RawMessage) any {
		pick := func(from string, i int) json.RawMessage {
			values := rawArray(from)
			switch {
			case values == nil:
				return json.RawMessage(from)
			case i < len(values):
				return values[i]
			}
			return json.RawMessage("null")
		}
		out := make([]json.RawMessage, len(list))
		for i, c := range list {
			switch string(c) {
			case "true":
				out[i] = pick(yes, i)
			case "false":
				out[i] = pick(no, i)
			default:
				if f, err := strconv.ParseFloat(string(c), 64); err == nil && f != 0 {
					out[i] = pick(yes, i)
				} else if err == nil {
					out[i] = pick(no, i)
				} else {
					out[i] = json.RawMessage("null")
				}
			}
		}
		return rawText(out)
	})
}

func rangeOf(a []any, write func(int64) any) any {
	from, to, step := a[0].(int64), a[1].(int64), a[2].(int64)
	out := []any{}
	for v := from; step > 0 && v <= to || step < 0 && v >= to; v += step {
		if len(out) == maxElements {
			break
		}
		out = append(out, write(v))
	}
	return jsonOf(out)
}

// combine joins sets: keep tells by the number of sets that hold an element.
// With first only elements of the first set count.
func combine(text string, keep func(n, sets int) bool, first bool) string {
	sets := rawArray(text)
	counts, order := map[string]int{}, []string{}
	inFirst := map[string]bool{}
	for i, set := range sets {
		seen := map[string]bool{}
		for _, e := range rawArray(string(set)) {
			k := string(e)
			if seen[k] {
				continue
			}
			seen[k] = true
			if i == 0 {
				inFirst[k] = true
			}
			if counts[k] == 0 {
				order = append(order, k)
			}
			counts[k]++
		}
	}
	out := []json.RawMessage{}
	for _, k := range order {
		if keep(counts[k], len(sets)) && (!first || inFirst[k]) {
			out = append(out, json.RawMessage(k))
		}
	}
	return rawText(out)
}

func zip(text string) any {
	lists, longest := [][]json.RawMessage{}, 0
	for _, l := range rawArray(text) {
		list := rawArray(string(l))
		lists = append(lists, list)
		longest = max(longest, len(list))
	}
	out := make([][]json.RawMessage, longest)
	for i := range out {
		for _, l := range lists {
			v := json.RawMessage("null")
			if i < len(l) {
				v = l[i]
			}
			out[i] = append(out[i], v)
		}
	}
	return jsonOf(out)
}

// sketchSize is how many of the smallest hashes a sketch keeps.
const sketchSize = 4096

// countSketch tells how many distinct values a sketch has seen: exactly up to
// its size, beyond by how dense its smallest hashes lie.
func countSketch(text string) any {
	var hashes []uint64
	if json.Unmarshal([]byte(text), &hashes) != nil {
		return nil
	}
	if len(hashes) < sketchSize {
		return int64(len(hashes))
	}
	const space = float64(1 << 53)
	return int64(float64(len(hashes)-1) * space / float64(slices.Max(hashes)))
}

func bagNatives() []lake.Function {
	return []lake.Function{
		native("bag_elements", "s>s", func(a []any) any { return bagElements(a[0].(string), false) }),
		native("bag_pairs", "s>s", func(a []any) any { return bagElements(a[0].(string), true) }),
		native("bag_remove_keys", "ss>s", func(a []any) any {
			bag := rawBag(a[0].(string))
			if bag == nil {
				return nil
			}
			for _, k := range jsonTexts(a[1].(string)) {
				delete(bag, strings.TrimPrefix(k, "$."))
			}
			return jsonOf(bag)
		}),
		native("bag_merge", "s>s", func(a []any) any {
			out, any := map[string]json.RawMessage{}, false
			for _, part := range rawArray(a[0].(string)) {
				for k, v := range rawBag(string(part)) {
					any = true
					if _, has := out[k]; !has {
						out[k] = v
					}
				}
			}
			if !any {
				return "{}"
			}
			return jsonOf(out)
		}),
		native("bag_set_key", "sss>s", func(a []any) any {
			bag := rawBag(a[0].(string))
			if bag == nil {
				return nil
			}
			bag[strings.TrimPrefix(a[1].(string), "$.")] = json.RawMessage(a[2].(string))
			return jsonOf(bag)
		}),
		native("bag_zip", "ss>s", func(a []any) any {
			keys, values := jsonTexts(a[0].(string)), rawArray(a[1].(string))
			out := map[string]json.RawMessage{}
			for i, k := range keys {
				out[k] = json.RawMessage("null")
				if i < len(values) {
					out[k] = values[i]
				}
			}
			return jsonOf(out)
		}),
		native("treepath", "s>s", func(a []any) any {
			var v any
			if json.Unmarshal([]byte(a[0].(string)), &v) != nil {
				return nil
			}
			paths := []string{}
			walkPaths(v, "", &paths)
			return jsonOf(paths)
		}),
		native("extract_json", "ss>s", func(a []any) any { return extractJSON(a[0].(string), a[1].(string)) }),
		native("sorted_json", "s>s", func(a []any) any {
			var v any
			d := json.NewDecoder(strings.NewReader(a[0].(string)))
			d.UseNumber()
			if d.Decode(&v) != nil {
				return nil
			}
			return jsonOf(v)
		}),
		native("gettype", "s>s", func(a []any) any { return jsonKind(a[0].(string)) }),
		native("buildschema", "s>s", func(a []any) any { return buildSchema(a[0].(string)) }),
	}
}

func rawBag(text string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

// bagElements gives a bag's members, each as a bag of one, or as [key, value].
func bagElements(text string, pairs bool) string {
	bag := rawBag(text)
	out := []any{}
	for _, k := range slices.Sorted(maps.Keys(bag)) {
		if pairs {
			out = append(out, []any{k, bag[k]})
		} else {
			out = append(out, map[string]json.RawMessage{k: bag[k]})
		}
	}
	return jsonOf(out)
}

func walkPaths(v any, path string, out *[]string) {
	if path != "" {
		*out = append(*out, path)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walkPaths(v[k], path+"['"+k+"']", out)
		}
	case []any:
		if len(v) > 0 {
			walkPaths(v[0], path+"[0]", out)
		}
	}
}

// extractJSON follows a path of names and indexes: $.a.b[0]["c"].
func extractJSON(path, text string) any {
	current := json.RawMessage(text)
	rest := strings.TrimPrefix(path, "$")
	for rest != "" {
		var key string
		switch {
		case strings.HasPrefix(rest, "["):
			inner, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return ""
			}
			key, rest = strings.Trim(inner, `'"`), after
			if n, err := strconv.Atoi(inner); err == nil {
				list := rawArray(string(current))
				if n < 0 {
					n += len(list)
				}
				if n < 0 || n >= len(list) {
					return ""
				}
				current = list[n]
				continue
			}
		default:
			rest = strings.TrimPrefix(rest, ".")
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			key, rest = rest[:end], rest[end:]
		}
		next, ok := rawBag(string(current))[key]
		if !ok {
			return ""
		}
		current = next
	}
	var s string
	if json.Unmarshal(current, &s) == nil {
		return s
	}
	if string(current) == "null" {
		return ""
	}
	return string(current)
}

func jsonKind(text string) string {
	switch {
	case strings.HasPrefix(text, "{"):
		return "dictionary"
	case strings.HasPrefix(text, "["):
		return "array"
	case strings.HasPrefix(text, `"`):
		return "string"
	case text == "true" || text == "false":
		return "bool"
	case text == "null":
		return "null"
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return "long"
	}
	return "double"
}

// buildSchema gives the least schema that all values have.
func buildSchema(text string) any {
	s := &shape{}
	for _, v := range rawArray(text) {
		s.add(v)
	}
	return jsonOf(s.schema())
}

// shape gathers what was seen at one place.
type shape struct {
	kinds   map[string]bool
	members map[string]*shape
	items   *shape
}

func (s *shape) add(v json.RawMessage) {
	switch k := jsonKind(string(v)); k {
	case "null":
	case "dictionary":
		if s.members == nil {
			s.members = map[string]*shape{}
		}
		for name, member := range rawBag(string(v)) {
			if s.members[name] == nil {
				s.members[name] = &shape{}
			}
			s.members[name].add(member)
		}
	case "array":
		if s.items == nil {
			s.items = &shape{}
		}
		for _, e := range rawArray(string(v)) {
			s.items.add(e)
		}
	default:
		if s.kinds == nil {
			s.kinds = map[string]bool{}
		}
		s.kinds[k] = true
	}
}

func (s *shape) schema() any {
	var all []any
	for _, k := range slices.Sorted(maps.Keys(s.kinds)) {
		all = append(all, k)
	}
	if s.members != nil || s.items != nil {
		bag := map[string]any{}
		for name, m := range s.members {
			bag[name] = m.schema()
		}
		if s.items != nil {
			bag["`indexer`"] = s.items.schema()
		}
		all = append(all, bag)
	}
	switch len(all) {
	case 0:
		return map[string]any{}
	case 1:
		return all[0]
	}
	return all
}

// numbersOf reads an array of numbers; null stands for what is none.
func numbersOf(text string) []*float64 {
	list := rawArray(text)
	out := make([]*float64, len(list))
	for i, v := range list {
		if f, err := strconv.ParseFloat(strings.Trim(string(v), `"`), 64); err == nil {
			out[i] = &f
		} else if string(v) == "true" {
			one := 1.0
			out[i] = &one
		}
	}
	return out
}
