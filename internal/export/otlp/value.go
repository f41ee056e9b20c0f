package otlp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// object is a parsed JSON object; numbers stay as they are written.
type object = map[string]any

func parsed(text string) object {
	if text == "" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var out object
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

func list(text string) []object {
	if text == "" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var out []object
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// fill puts the values of an object into a map, in the order of names.
func fill(to pcommon.Map, from object) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		value(to.PutEmpty(name), from[name])
	}
}

// value keeps the types that JSON has: whole numbers are integers.
func value(to pcommon.Value, from any) {
	switch v := from.(type) {
	case string:
		to.SetStr(v)
	case bool:
		to.SetBool(v)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			to.SetInt(n)
		} else if f, err := v.Float64(); err == nil {
			to.SetDouble(f)
		} else {
			to.SetStr(v.String())
		}
	case []any:
		s := to.SetEmptySlice()
		for _, one := range v {
			value(s.AppendEmpty(), one)
		}
	case object:
		fill(to.SetEmptyMap(), v)
	}
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func number(v any) int64 {
	n, _ := strconv.ParseInt(text(v), 10, 64)
	return n
}

// set puts a text that is not empty and is not there yet.
func set(to pcommon.Map, name, v string) {
	if v == "" {
		return
	}
	if _, there := to.Get(name); !there {
		to.PutStr(name, v)
	}
}

func setInt(to pcommon.Map, name string, v int64) {
	if _, there := to.Get(name); v != 0 && !there {
		to.PutInt(name, v)
	}
}

// traceID reads 32 hex digits. The operation of an older protocol, which has an
// id of another form, gets one that is the same each time.
func traceID(s string) (id pcommon.TraceID) {
	if len(s) == 32 {
		if _, err := hex.Decode(id[:], []byte(s)); err == nil {
			return id
		}
	}
	if s != "" {
		sum := sha256.Sum256([]byte(s))
		copy(id[:], sum[:16])
	}
	return id
}

func spanID(s string) (id pcommon.SpanID) {
	if len(s) == 16 {
		if _, err := hex.Decode(id[:], []byte(s)); err == nil {
			return id
		}
	}
	if s != "" {
		sum := sha256.Sum256([]byte(s))
		copy(id[:], sum[:8])
	}
	return id
}
