package expr

import (
	"math/big"
	"strings"
)

// Decimal is System.Decimal: a whole number divided by a power of ten. The zero
// value is 0.
type Decimal struct {
	n     *big.Int // nil: 0
	scale int      // digits behind the point, 0 to 28
}

const maxScale = 28

func parseDecimal(s string) (Decimal, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 100 {
		return Decimal{}, false
	}
	if strings.ContainsAny(s, "eE") {
		r, ok := new(big.Rat).SetString(s)
		if !ok || len(s) > 40 || r.Num().BitLen() > 400 {
			return Decimal{}, false
		}
		return decimalOf(r, maxScale).trim(), true
	}
	whole, frac, _ := strings.Cut(s, ".")
	digits := strings.ReplaceAll(whole, ",", "") + frac
	if digits == "" || digits == "-" || digits == "+" {
		return Decimal{}, false
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || strings.Contains(digits, "_") {
		return Decimal{}, false
	}
	return Decimal{n, len(frac)}.fit(), true
}

func (d Decimal) num() *big.Int {
	if d.n == nil {
		return new(big.Int)
	}
	return d.n
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (d Decimal) rat() *big.Rat { return new(big.Rat).SetFrac(d.num(), tenTo(d.scale)) }

func (d Decimal) float() float64 { f, _ := d.rat().Float64(); return f }

// decimalOf rounds to n digits behind the point, half to even.
func decimalOf(r *big.Rat, n int) Decimal {
	scaled := new(big.Int).Mul(r.Num(), tenTo(n))
	q, m := new(big.Int).QuoRem(scaled, r.Denom(), new(big.Int))
	twice := m.Abs(m).Lsh(m, 1)
	if c := twice.Cmp(r.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(r.Sign())))
	}
	return Decimal{q, n}.fit()
}

// fit keeps the number within 96 bits and 28 digits.
func (d Decimal) fit() Decimal {
	for d.scale > 0 && (d.scale > maxScale || d.num().BitLen() > 96) {
		q, m := new(big.Int).QuoRem(d.num(), big.NewInt(10), new(big.Int))
		if m.CmpAbs(big.NewInt(5)) >= 0 {
			q.Add(q, big.NewInt(int64(d.num().Sign())))
		}
		d = Decimal{q, d.scale - 1}
	}
	if d.num().BitLen() > 96 {
		throw("System.OverflowException", "Value was either too large or too small for a Decimal.")
	}
	return d
}

func (d Decimal) trim() Decimal {
	for d.scale > 0 {
		q, m := new(big.Int).QuoRem(d.num(), big.NewInt(10), new(big.Int))
		if m.Sign() != 0 {
			break
		}
		d = Decimal{q, d.scale - 1}
	}
	return d
}

// String keeps the digits behind the point, as .NET does.
func (d Decimal) String() string {
	s := new(big.Int).Abs(d.num()).String()
	if d.scale > 0 {
		if len(s) <= d.scale {
			s = strings.Repeat("0", d.scale-len(s)+1) + s
		}
		s = s[:len(s)-d.scale] + "." + s[len(s)-d.scale:]
	}
	if d.num().Sign() < 0 {
		return "-" + s
	}
	return s
}

func toDecimal(v any) Decimal {
	switch x := v.(type) {
	case Decimal:
		return x
	case float64, float32:
		f, _ := number(v)
		if f > 7.9e28 || f < -7.9e28 || f != f {
			throw("System.OverflowException", "Value was either too large or too small for a Decimal.")
		}
		d, _ := parseDecimal(doubleText(f, 64))
		return d
	case uint64:
		return Decimal{new(big.Int).SetUint64(x), 0}
	}
	n, ok := integer(v)
	if !ok {
		throwNull("")
	}
	return Decimal{big.NewInt(n), 0}
}

func compareDecimal(a, b Decimal) int { return a.rat().Cmp(b.rat()) }

func decimalOperator(op string, a, b Decimal) any {
	scale := max(a.scale, b.scale)
	x := new(big.Int).Mul(a.num(), tenTo(scale-a.scale))
	y := new(big.Int).Mul(b.num(), tenTo(scale-b.scale))
	switch op {
	case "+":
		return Decimal{x.Add(x, y), scale}.fit()
	case "-":
		return Decimal{x.Sub(x, y), scale}.fit()
	case "*":
		return Decimal{new(big.Int).Mul(a.num(), b.num()), a.scale + b.scale}.fit()
	}
	if y.Sign() == 0 {
		throw("System.DivideByZeroException", "Attempted to divide by zero.")
	}
	if op == "%" {
		return Decimal{x.Rem(x, y), scale}.fit()
	}
	return decimalOf(new(big.Rat).SetFrac(x, y), maxScale).trim()
}
