package cache

import "reflect"

// Sized is a value that knows its own size in memory, in bytes.
type Sized interface{ CacheSize() int64 }

// SizeOf estimates the memory of a value in bytes: exactly for text and bytes,
// by a walk of bounded length for lists, maps and structs.
func SizeOf(value any) int64 {
	switch v := value.(type) {
	case nil:
		return 0
	case Sized:
		return v.CacheSize()
	case string:
		return 16 + int64(len(v))
	case []byte:
		return 24 + int64(cap(v))
	case bool, int, int32, int64, uint64, float64:
		return 8
	case map[string][]string:
		total := int64(48)
		for name, values := range v {
			total += 40 + int64(len(name))
			for _, one := range values {
				total += 16 + int64(len(one))
			}
		}
		return total
	}
	w := walk{left: maxVisits, seen: map[uintptr]bool{}}
	return w.size(reflect.ValueOf(value), 0)
}

const (
	maxVisits = 100_000
	maxDepth  = 64
)

// walk sums up what is reachable from a value; each pointer counts once.
type walk struct {
	left int
	seen map[uintptr]bool
}

func (w *walk) size(v reflect.Value, depth int) int64 {
	if w.left--; w.left < 0 || depth > maxDepth || !v.IsValid() {
		return 0
	}
	total := int64(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		return total + int64(v.Len())
	case reflect.Interface:
		return total + w.size(v.Elem(), depth+1)
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return total
		}
		w.seen[v.Pointer()] = true
		return total + w.size(v.Elem(), depth+1)
	case reflect.Slice:
		return total + w.list(v, depth)
	case reflect.Array:
		if !isFlat(v.Type().Elem()) {
			return w.list(v, depth)
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next() && w.left > 0; {
			total += 8 + w.size(entries.Key(), depth+1) + w.size(entries.Value(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			total += max(0, w.size(field, depth+1)-int64(field.Type().Size()))
		}
	}
	return total
}

// list is the memory of a list's elements.
func (w *walk) list(v reflect.Value, depth int) int64 {
	element := v.Type().Elem()
	if isFlat(element) {
		if v.Kind() == reflect.Slice {
			return int64(v.Cap()) * int64(element.Size())
		}
		return int64(v.Len()) * int64(element.Size())
	}
	var total int64
	for i := range v.Len() {
		if w.left <= 0 {
			// The rest is taken to be like what was seen.
			return total / int64(max(i, 1)) * int64(v.Len())
		}
		total += w.size(v.Index(i), depth+1)
	}
	return total
}

// isFlat tells whether a type holds no pointers.
func isFlat(t reflect.Type) bool {
	k := t.Kind()
	return k >= reflect.Bool && k <= reflect.Complex128
}
