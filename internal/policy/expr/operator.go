package expr

import (
	"math"
	"math/bits"
)

func boolOperator(op string, f, g func(*frame) bool, pos int) *operand {
	switch op {
	case "&":
		return fromBool(func(fr *frame) bool { v := f(fr); return g(fr) && v }, pos)
	case "|":
		return fromBool(func(fr *frame) bool { v := f(fr); return g(fr) || v }, pos)
	}
	return fromBool(func(fr *frame) bool { v := f(fr); return g(fr) != v }, pos)
}

// intOperator gives the closure of an operator on integers of one kind.
func intOperator(op string, f, g func(*frame) int64, k kind, checked bool, pos int) func(*frame) int64 {
	if checked {
		return checkedOperator(op, f, g, k, pos)
	}
	switch op {
	case "+":
		if k == kInt32 {
			return func(fr *frame) int64 { v := f(fr); return int64(int32(v + g(fr))) }
		}
		return func(fr *frame) int64 { v := f(fr); return wrap(k, v+g(fr)) }
	case "-":
		return func(fr *frame) int64 { v := f(fr); return wrap(k, v-g(fr)) }
	case "*":
		return func(fr *frame) int64 { v := f(fr); return wrap(k, v*g(fr)) }
	case "/":
		return func(fr *frame) int64 { v := f(fr); w := g(fr); fr.pos = pos; return wrap(k, divide(v, w, k)) }
	case "%":
		return func(fr *frame) int64 { v := f(fr); w := g(fr); fr.pos = pos; return wrap(k, remainder(v, w, k)) }
	case "&":
		return func(fr *frame) int64 { v := f(fr); return v & g(fr) }
	case "|":
		return func(fr *frame) int64 { v := f(fr); return v | g(fr) }
	}
	return func(fr *frame) int64 { v := f(fr); return v ^ g(fr) }
}

func divide(v, w int64, k kind) int64 {
	if w == 0 {
		throw("System.DivideByZeroException", "Attempted to divide by zero.")
	}
	if k == kUint64 {
		return int64(uint64(v) / uint64(w))
	}
	if w == -1 {
		if v == math.MinInt64 && k == kInt64 || v == math.MinInt32 && k == kInt32 {
			overflow()
		}
		return -v
	}
	return v / w
}

func remainder(v, w int64, k kind) int64 {
	if w == 0 {
		throw("System.DivideByZeroException", "Attempted to divide by zero.")
	}
	if k == kUint64 {
		return int64(uint64(v) % uint64(w))
	}
	if w == -1 {
		return 0
	}
	return v % w
}

func overflow() {
	throw("System.OverflowException", "Arithmetic operation resulted in an overflow.")
}

// checkedOperator is intOperator inside checked(...).
func checkedOperator(op string, f, g func(*frame) int64, k kind, pos int) func(*frame) int64 {
	plain := func(v, w int64) (int64, bool) {
		switch op {
		case "+":
			r := v + w
			return r, (r > v) == (w > 0)
		case "-":
			r := v - w
			return r, (r < v) == (w > 0)
		case "*":
			hi, lo := bits.Mul64(uint64(abs64(v)), uint64(abs64(w)))
			return v * w, hi == 0 && lo <= math.MaxInt64
		}
		return 0, false
	}
	switch op {
	case "+", "-", "*":
	default:
		return intOperator(op, f, g, k, false, pos)
	}
	return func(fr *frame) int64 {
		v := f(fr)
		r, ok := plain(v, g(fr))
		fr.pos = pos
		if !ok && k != kUint64 {
			overflow()
		}
		return checkRange(k, r)
	}
}

func abs64(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

func floatOperator(op string, f, g func(*frame) float64) func(*frame) float64 {
	switch op {
	case "+":
		return func(fr *frame) float64 { v := f(fr); return v + g(fr) }
	case "-":
		return func(fr *frame) float64 { v := f(fr); return v - g(fr) }
	case "*":
		return func(fr *frame) float64 { v := f(fr); return v * g(fr) }
	case "/":
		return func(fr *frame) float64 { v := f(fr); return v / g(fr) }
	case "%":
		return func(fr *frame) float64 { v := f(fr); return math.Mod(v, g(fr)) }
	}
	return nil
}
