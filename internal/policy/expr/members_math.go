package expr

import (
	"fmt"
	"math"
	"math/big"
)

func digits(n int64) int {
	if n < 0 || n > maxScale {
		throw("System.ArgumentOutOfRangeException", "Rounding digits must be between 0 and 28, inclusive.")
	}
	return int(n)
}

func mathRows() []row {
	rows := []row{
		{sig: "const static double PI", get: fixedValue(math.Pi)}, {sig: "const static double E", get: fixedValue(math.E)},
		{sig: "static double Floor(double d)", get: math.Floor}, {sig: "static double Ceiling(double d)", get: math.Ceil},
		{sig: "static double Truncate(double d)", get: math.Trunc}, {sig: "static double Sqrt(double d)", get: math.Sqrt},
		{sig: "static double Pow(double a, double b)", get: math.Pow}, {sig: "static double Exp(double d)", get: math.Exp},
		{sig: "static double Log(double d)", get: math.Log}, {sig: "static double Log10(double d)", get: math.Log10},
		{sig: "static double Log(double d, double b)", get: func(a, b float64) float64 { return math.Log(a) / math.Log(b) }},
		{sig: "static double Sin(double d)", get: math.Sin}, {sig: "static double Cos(double d)", get: math.Cos}, {sig: "static double Tan(double d)", get: math.Tan},
		{sig: "static double Atan(double d)", get: math.Atan}, {sig: "static double Atan2(double a, double b)", get: math.Atan2},
		{sig: "static double Round(double d)", get: math.RoundToEven},
		{sig: "static double Round(double d, int n)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), num(a, 1), 0) }},
		{sig: "static double Round(double d, MidpointRounding m)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), 0, num(a, 1)) }},
		{sig: "static double Round(double d, int n, MidpointRounding m)", get: func(_ *frame, a []any) any { return roundDouble(unboxFloat(a[0]), num(a, 1), num(a, 2)) }},
		{sig: "static decimal Max(decimal a, decimal b)", get: func(_ *frame, a []any) any { return pick(a, 1) }},
		{sig: "static decimal Min(decimal a, decimal b)", get: func(_ *frame, a []any) any { return pick(a, -1) }},
		{sig: "static decimal Abs(decimal a)", get: func(_ *frame, a []any) any {
			d := a[0].(Decimal)
			return Decimal{new(big.Int).Abs(d.num()), d.scale}
		}},
		{sig: "static int Sign(int n)", get: func(_ *frame, a []any) any { return int32(compareValues(num(a, 0), int64(0))) }},
		{sig: "static int Sign(double n)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], float64(0))) }},
	}
	rows = append(append(rows, decimalRounding()...), mathMore()...)
	for _, w := range []string{"int", "long", "double", "float", "uint", "ulong", "byte", "sbyte", "short", "ushort"} {
		rows = append(rows,
			row{sig: fmt.Sprintf("static %s Max(%s a, %s b)", w, w, w), get: func(_ *frame, a []any) any { return pick(a, 1) }},
			row{sig: fmt.Sprintf("static %s Min(%s a, %s b)", w, w, w), get: func(_ *frame, a []any) any { return pick(a, -1) }})
	}
	for _, w := range []string{"int", "long", "double", "float", "short", "sbyte"} {
		rows = append(rows, row{sig: fmt.Sprintf("static %s Abs(%s a)", w, w), get: absolute})
	}
	return rows
}

func pick(a []any, sign int) any {
	if compareValues(a[1], a[0])*sign > 0 {
		return a[1]
	}
	return a[0]
}

func absolute(_ *frame, a []any) any {
	switch n := a[0].(type) {
	case int32:
		if n == math.MinInt32 {
			overflow()
		}
		return int32(abs64(int64(n)))
	case int64:
		if n == math.MinInt64 {
			overflow()
		}
		return abs64(n)
	case int16:
		if n == math.MinInt16 {
			overflow()
		}
		return int16(abs64(int64(n)))
	case int8:
		if n == math.MinInt8 {
			overflow()
		}
		return int8(abs64(int64(n)))
	case float32:
		return float32(math.Abs(float64(n)))
	}
	return math.Abs(unboxFloat(a[0]))
}

func roundDouble(d float64, n, mode int64) any {
	if n < 0 || n > 15 {
		throw("System.ArgumentOutOfRangeException", "Rounding digits must be between 0 and 15, inclusive.")
	}
	scale := math.Pow(10, float64(n))
	if math.Abs(d) >= 1e16 {
		return d
	}
	switch v := d * scale; mode {
	case 0:
		return math.RoundToEven(v) / scale
	case 2:
		return math.Trunc(v) / scale
	case 3:
		return math.Floor(v) / scale
	case 4:
		return math.Ceil(v) / scale
	default:
		return math.Round(v) / scale
	}
}

func mathMore() []row {
	rows := []row{
		{sig: "static double Cbrt(double d)", get: math.Cbrt}, {sig: "static double Log2(double d)", get: math.Log2},
		{sig: "static double Asin(double d)", get: math.Asin}, {sig: "static double Acos(double d)", get: math.Acos},
		{sig: "static double Sinh(double d)", get: math.Sinh}, {sig: "static double Cosh(double d)", get: math.Cosh}, {sig: "static double Tanh(double d)", get: math.Tanh},
		{sig: "static double IEEERemainder(double a, double b)", get: math.Remainder},
		{sig: "static long BigMul(int a, int b)", get: func(_ *frame, a []any) any { return num(a, 0) * num(a, 1) }},
		{sig: "static int Sign(decimal n)", get: func(_ *frame, a []any) any { return int32(a[0].(Decimal).num().Sign()) }},
		{sig: "static int Sign(long n)", get: func(_ *frame, a []any) any { return int32(compareValues(num(a, 0), int64(0))) }},
	}
	for _, w := range []string{"int", "long"} {
		rows = append(rows, row{sig: "static " + w + " DivRem(" + w + " a, " + w + " b, out " + w + " rest)", get: func(_ *frame, a []any) any {
			t := typeNamed(w)
			a[2].(*outRef).set(boxInt(t, remainder(num(a, 0), num(a, 1), t.def.kind)))
			return boxInt(t, divide(num(a, 0), num(a, 1), t.def.kind))
		}})
	}
	for _, w := range []string{"int", "long", "double", "float", "decimal", "byte", "short", "uint", "ulong"} {
		rows = append(rows, row{sig: fmt.Sprintf("static %s Clamp(%s v, %s lo, %s hi)", w, w, w, w), get: func(_ *frame, a []any) any {
			switch {
			case compareValues(a[1], a[2]) > 0:
				throw("System.ArgumentException", "'%s' cannot be greater than %s.", ToString(a[1]), ToString(a[2]))
			case compareValues(a[0], a[1]) < 0:
				return a[1]
			case compareValues(a[0], a[2]) > 0:
				return a[2]
			}
			return a[0]
		}})
	}
	return rows
}
