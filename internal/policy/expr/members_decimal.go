package expr

import "math/big"

func decimalRows() []row {
	parse := func(_ *frame, a []any) any {
		d, ok := styledDecimal(text(a, 0), stylesIn(a, styleNumber))
		if !ok {
			badFormat()
		}
		return d
	}
	try := func(_ *frame, a []any) any {
		d, ok := tryDecimal(text(a, 0), stylesIn(a, styleNumber))
		a[len(a)-1].(*outRef).set(d)
		return ok
	}
	limit := Decimal{n: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))}
	rows := append(numberCommon("decimal"), parseRows("decimal", parse, try)...)
	rows = append(rows, []row{
		{sig: "const static decimal Zero", get: fixedValue(Decimal{})}, {sig: "const static decimal One", get: fixedValue(Decimal{n: big.NewInt(1)})},
		{sig: "const static decimal MinusOne", get: fixedValue(Decimal{n: big.NewInt(-1)})},
		{sig: "const static decimal MaxValue", get: fixedValue(limit)}, {sig: "const static decimal MinValue", get: fixedValue(Decimal{n: new(big.Int).Neg(limit.n)})},
		{sig: "new(int n)", get: func(_ *frame, a []any) any { return toDecimal(a[0]) }}, {sig: "new(long n)", get: func(_ *frame, a []any) any { return toDecimal(a[0]) }},
		{sig: "new(double n)", get: func(_ *frame, a []any) any { return toDecimal(a[0]) }},
		{sig: "static decimal Negate(decimal d)", get: func(_ *frame, a []any) any {
			d := a[0].(Decimal)
			return Decimal{new(big.Int).Neg(d.num()), d.scale}
		}},
		{sig: "static int Compare(decimal a, decimal b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "static bool Equals(decimal a, decimal b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static double ToDouble(decimal d)", get: func(_ *frame, a []any) any { return a[0].(Decimal).float() }},
		{sig: "static long ToInt64(decimal d)", get: func(_ *frame, a []any) any { return a[0].(Decimal).whole(kInt64) }},
		{sig: "static int ToInt32(decimal d)", get: func(_ *frame, a []any) any { return int32(a[0].(Decimal).whole(kInt32)) }},
	}...)
	for _, o := range [][2]string{{"Add", "+"}, {"Subtract", "-"}, {"Multiply", "*"}, {"Divide", "/"}, {"Remainder", "%"}} {
		rows = append(rows, row{sig: "static decimal " + o[0] + "(decimal a, decimal b)", get: func(_ *frame, a []any) any {
			return decimalOperator(o[1], a[0].(Decimal), a[1].(Decimal))
		}})
	}
	return append(rows, decimalRounding()...)
}

// decimalRounding are the members that decimal shares with Math.
func decimalRounding() []row {
	round := func(_ *frame, a []any) any {
		n, mode := 0, int64(0)
		for _, v := range a[1:] {
			if e, ok := v.(Enum); ok {
				mode = e.v
			} else {
				n = digits(unboxInt(v))
			}
		}
		return a[0].(Decimal).round(n, mode)
	}
	to := func(mode int64) tableFunc {
		return func(_ *frame, a []any) any { return a[0].(Decimal).round(0, mode) }
	}
	return []row{
		{sig: "static decimal Round(decimal d)", get: round}, {sig: "static decimal Round(decimal d, int n)", get: round},
		{sig: "static decimal Round(decimal d, MidpointRounding m)", get: round}, {sig: "static decimal Round(decimal d, int n, MidpointRounding m)", get: round},
		{sig: "static decimal Truncate(decimal d)", get: to(2)}, {sig: "static decimal Floor(decimal d)", get: to(3)}, {sig: "static decimal Ceiling(decimal d)", get: to(4)},
	}
}

// round rounds to n digits behind the point by a MidpointRounding.
func (d Decimal) round(n int, mode int64) Decimal {
	if d.scale <= n {
		return d
	}
	unit := tenTo(d.scale - n)
	q, m := new(big.Int).QuoRem(d.num(), unit, new(big.Int))
	half := new(big.Int).Lsh(new(big.Int).Abs(m), 1).Cmp(unit)
	up := false
	switch mode {
	case 0:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case 1:
		up = half >= 0
	case 3:
		up = m.Sign() < 0
	case 4:
		up = m.Sign() > 0
	}
	if up {
		q.Add(q, big.NewInt(int64(d.num().Sign())))
	}
	return Decimal{q, n}.fit()
}
