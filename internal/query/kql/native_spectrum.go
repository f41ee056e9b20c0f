package kql

import (
	"math"
	"math/bits"
	"math/cmplx"
	"slices"

	"gatehouse/internal/store/lake"
)

// Bounds of what costs more than one pass over a series.
const (
	maxSlowSeries = 8192 // of a transform whose length is no power of two
	maxDegree     = 10   // of a polynomial
)

// spectrumFunctions are the transforms and polynomials of series.
func spectrumFunctions() []function {
	transform := func(name, inverse string) function {
		return function{name, "j?j", "j", "CAST(kql_series_fft(CAST({0} AS VARCHAR), CAST({1|'[]'} AS VARCHAR), " + inverse + ") AS JSON)", unnamed}
	}
	return []function{
		transform("series_fft_dynamic", "false"), transform("series_ifft_dynamic", "true"),
		{"series_fit_poly_dynamic", "j?jl", "j", "CAST(kql_series_fit_poly(CAST({0} AS VARCHAR), CAST({1|'[]'} AS VARCHAR), {2|1}) AS JSON)", unnamed},
		{"series_fit_poly_dynamic", "jl", "j", "CAST(kql_series_fit_poly(CAST({0} AS VARCHAR), '[]', {1}) AS JSON)", unnamed},
	}
}

func spectrumNatives() []lake.Function {
	return []lake.Function{
		native("series_fft", "ssb>s", func(a []any) any { return seriesFFT(numbersOf(a[0].(string)), numbersOf(a[1].(string)), a[2].(bool)) }),
		native("series_fit_poly", "ssl>s", func(a []any) any {
			return fitPoly(numbersOf(a[0].(string)), numbersOf(a[1].(string)), int(min(max(a[2].(int64), 0), maxDegree+1)))
		}),
	}
}

// zeroed has 0 for each gap.
func zeroed(x []*float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		if v != nil {
			out[i] = *v
		}
	}
	return out
}

// seriesFFT is the discrete Fourier transform; the inverse one is divided by the
// length, so that both undo each other.
func seriesFFT(re, im []*float64, inverse bool) any {
	x := make([]complex128, len(re))
	for i, v := range zeroed(re) {
		x[i] = complex(v, 0)
		if i < len(im) && im[i] != nil {
			x[i] += complex(0, *im[i])
		}
	}
	if n := len(x); n&(n-1) != 0 && n > maxSlowSeries {
		return nil
	}
	y := fourier(x, inverse)
	realPart, imaginary := make([]float64, len(y)), make([]float64, len(y))
	for i, v := range y {
		if inverse {
			v /= complex(float64(len(y)), 0)
		}
		realPart[i], imaginary[i] = real(v), imag(v)
	}
	return jsonOf(map[string]any{"real": realPart, "imag": imaginary})
}

func fourier(x []complex128, inverse bool) []complex128 {
	n := len(x)
	sign := -2 * math.Pi
	if inverse {
		sign = -sign
	}
	if n == 0 || n&(n-1) != 0 {
		return slowFourier(x, sign)
	}
	y, shift := make([]complex128, n), 64-bits.TrailingZeros(uint(n))
	for i, v := range x {
		if n > 1 {
			y[bits.Reverse64(uint64(i))>>shift] = v
		} else {
			y[0] = v
		}
	}
	for size := 2; size <= n; size *= 2 {
		step := cmplx.Rect(1, sign/float64(size))
		for from := 0; from < n; from += size {
			w := complex(1, 0)
			for k := from; k < from+size/2; k++ {
				a, b := y[k], y[k+size/2]*w
				y[k], y[k+size/2], w = a+b, a-b, w*step
			}
		}
	}
	return y
}

func slowFourier(x []complex128, sign float64) []complex128 {
	n := len(x)
	turns := make([]complex128, n)
	for i := range turns {
		turns[i] = cmplx.Rect(1, sign*float64(i)/float64(n))
	}
	y := make([]complex128, n)
	for k := range y {
		for i, v := range x {
			y[k] += v * turns[k*i%n]
		}
	}
	return y
}

// fitPoly is the polynomial of least squares; its coefficients start with the
// highest power. Without x the places are 0, 1, 2, ...
func fitPoly(y, x []*float64, degree int) any {
	if degree > maxDegree {
		return nil
	}
	var xs, ys []float64
	for i, v := range y {
		switch {
		case v == nil, len(x) > 0 && (i >= len(x) || x[i] == nil):
		case len(x) > 0:
			xs, ys = append(xs, *x[i]), append(ys, *v)
		default:
			xs, ys = append(xs, float64(i)), append(ys, *v)
		}
	}
	if len(xs) <= degree {
		return nil
	}
	// Around their middle and within -1 to 1 the powers stay small.
	low, high := slices.Min(xs), slices.Max(xs)
	middle, half := (low+high)/2, max((high-low)/2, 1e-300)
	c := solved(normalEquations(xs, ys, degree, middle, half))
	if c == nil {
		return nil
	}
	mean, total, rest := 0.0, 0.0, 0.0
	for _, v := range ys {
		mean += v / float64(len(ys))
	}
	fit := make([]any, len(y))
	for i, k := 0, 0; i < len(y); i++ {
		if y[i] == nil || len(x) > 0 && (i >= len(x) || x[i] == nil) {
			continue
		}
		f := horner(c, (xs[k]-middle)/half)
		total, rest = total+math.Pow(ys[k]-mean, 2), rest+math.Pow(ys[k]-f, 2)
		fit[i], k = finite(f), k+1
	}
	square, n := 1.0, max(float64(len(ys)-1), 1)
	if total > 0 {
		square = 1 - rest/total
	}
	return jsonOf(map[string]any{"rsquare": finite(square), "coefficients": expanded(c, middle, half), "variance": finite(total / n), "rvariance": finite(rest / n), "poly_fit": fit})
}

func normalEquations(xs, ys []float64, degree int, middle, half float64) [][]float64 {
	m := make([][]float64, degree+1)
	for i := range m {
		m[i] = make([]float64, degree+2)
	}
	for k, x := range xs {
		u := (x - middle) / half
		for i := range m {
			for j := range degree + 1 {
				m[i][j] += math.Pow(u, float64(i+j))
			}
			m[i][degree+1] += ys[k] * math.Pow(u, float64(i))
		}
	}
	return m
}

// solved is Gauss' elimination; nil when the equations do not decide.
func solved(m [][]float64) []float64 {
	n := len(m)
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[best][c]) {
				best = r
			}
		}
		m[c], m[best] = m[best], m[c]
		if math.Abs(m[c][c]) < 1e-12 {
			return nil
		}
		for r := range n {
			if f := m[r][c] / m[c][c]; r != c {
				for k := c; k <= n; k++ {
					m[r][k] -= f * m[c][k]
				}
			}
		}
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = m[i][n] / m[i][i]
	}
	return out
}

func horner(c []float64, u float64) (v float64) {
	for _, k := range slices.Backward(c) {
		v = v*u + k
	}
	return v
}

// expanded gives the coefficients in x of a polynomial in (x-middle)/half, the
// highest power first.
func expanded(c []float64, middle, half float64) []any {
	p := []float64{0}
	for _, k := range slices.Backward(c) {
		next := make([]float64, len(p)+1)
		for i, v := range p {
			next[i+1] += v / half
			next[i] -= v * middle / half
		}
		next[0] += k
		p = next
	}
	out := make([]any, len(c))
	for i := range out {
		out[i] = finite(p[len(c)-1-i])
	}
	return out
}
