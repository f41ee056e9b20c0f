package kql

import (
	"cmp"
	"fmt"
	"strings"
)

// Values of rows that a step in Go works on.

// compareCells orders two values of one type; null is before all others.
func compareCells(a, b any) int {
	if a == nil || b == nil {
		switch {
		case a == b:
			return 0
		case a == nil:
			return -1
		}
		return 1
	}
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok && x != y {
			if x {
				return 1
			}
			return -1
		}
	case int32:
		if y, ok := b.(int32); ok {
			return cmp.Compare(x, y)
		}
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// cellsKey tells rows apart by some of their values.
func cellsKey(cells []any) string {
	var k strings.Builder
	for _, c := range cells {
		fmt.Fprintf(&k, "%T %v\x00", c, c)
	}
	return k.String()
}
