package kql

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/store/lake"
)

// convertFunctions change units and encodings.
func convertFunctions() []function {
	var out []function
	for _, of := range []string{"angle", "energy", "force", "length", "mass", "speed", "temperature", "volume"} {
		out = append(out, function{"convert_" + of, "rss", "r", "kql_convert('" + of + "', {0}, {1}, {2})", unnamed})
	}
	for _, how := range []string{"gzip", "zlib"} {
		out = append(out,
			function{how + "_compress_to_base64_string", "s", "s", "kql_compress('" + how + "', {0})", unnamed},
			function{how + "_decompress_from_base64_string", "s", "s", "kql_decompress('" + how + "', {0})", unnamed})
	}
	return append(out,
		function{"format_bytes", "r?ls", "s", "kql_format_bytes({0}, {1|0}, {2|''})", unnamed},
		function{"base64_decode_toarray", "s", "j", "CAST(kql_base64_bytes({0}) AS JSON)", unnamed},
		function{"base64_encode_fromarray", "j", "s", "kql_base64_of_bytes(CAST({0} AS VARCHAR))", unnamed},
		function{"unicode_codepoints_to_string", "j", "s", "kql_of_codepoints(CAST({0} AS VARCHAR))", unnamed},
		function{"make_string", "j", "s", "kql_of_codepoints(CAST({0} AS VARCHAR))", unnamed},
		function{"make_string", "l*", "s", "kql_of_codepoints(CAST(json_array({0}{*}) AS VARCHAR))", unnamed},
		function{"isutf8", "s", "b", "kql_isutf8({0})", unnamed},
		function{"indexof_regex", "ss?lll", "l", "kql_indexof_regex({0}, {1}, {2|0}, {3|-1}, {4|1})", unnamed},
		function{"around", "rrr", "b", "({0} BETWEEN {1} - {2} AND {1} + {2})", unnamed},
		function{"around", "ddt", "b", "({0} BETWEEN {1} - {2} AND {1} + {2})", unnamed},
		function{"around", "ttt", "b", "({0} BETWEEN {1} - {2} AND {1} + {2})", unnamed},
		function{"erf", "r", "r", "kql_erf({0})", unnamed},
		function{"erfc", "r", "r", "kql_erfc({0})", unnamed})
}

func convertNatives() []lake.Function {
	cache := &expressionCache{}
	return []lake.Function{
		native("convert", "srss>r", func(a []any) any { return convertUnit(a[0].(string), a[1].(float64), a[2].(string), a[3].(string)) }),
		native("compress", "ss>s", func(a []any) any { return compress(a[0].(string), a[1].(string)) }),
		native("decompress", "ss>s", func(a []any) any { return decompress(a[0].(string), a[1].(string)) }),
		native("format_bytes", "rls>s", func(a []any) any { return formatBytes(a[0].(float64), a[1].(int64), a[2].(string)) }),
		native("base64_bytes", "s>s", func(a []any) any {
			b, err := base64.StdEncoding.DecodeString(a[0].(string))
			if err != nil {
				return nil
			}
			out := make([]int, len(b))
			for i, c := range b {
				out[i] = int(c)
			}
			return jsonOf(out)
		}),
		native("base64_of_bytes", "s>s", func(a []any) any {
			var b []byte
			for _, v := range numbersOf(a[0].(string)) {
				if v == nil || *v < 0 || *v > 255 {
					return nil
				}
				b = append(b, byte(*v))
			}
			return base64.StdEncoding.EncodeToString(b)
		}),
		native("of_codepoints", "s>s", func(a []any) any {
			var b strings.Builder
			for _, v := range numbersOf(a[0].(string)) {
				if v != nil && *v >= 0 && *v <= utf8.MaxRune {
					b.WriteRune(rune(*v))
				}
			}
			return b.String()
		}),
		native("isutf8", "s>b", func(a []any) any { return utf8.ValidString(a[0].(string)) }),
		native("indexof_regex", "sslll>l", func(a []any) any {
			re := cache.get(a[1].(string))
			if re == nil {
				return nil
			}
			return indexOfMatch(a[0].(string), func(s string) []int { return re.FindStringIndex(s) }, a[2].(int64), a[3].(int64), a[4].(int64))
		}),
		native("erf", "r>r", func(a []any) any { return math.Erf(a[0].(float64)) }),
		native("erfc", "r>r", func(a []any) any { return math.Erfc(a[0].(float64)) }),
	}
}

// indexOfMatch gives the position in characters of the nth match that starts
// behind start and, with a length, ends within it; -1 when there is none.
func indexOfMatch(text string, find func(string) []int, start, length, occurrence int64) any {
	runes := []rune(text)
	if start < 0 || start > int64(len(runes)) || occurrence < 1 {
		return int64(-1)
	}
	if length >= 0 && start+length < int64(len(runes)) {
		runes = runes[:start+length]
	}
	rest, at := string(runes[start:]), start
	for {
		m := find(rest)
		if m == nil {
			return int64(-1)
		}
		at += int64(utf8.RuneCountInString(rest[:m[0]]))
		if occurrence--; occurrence == 0 {
			return at
		}
		_, n := utf8.DecodeRuneInString(rest[m[0]:])
		if n == 0 {
			return int64(-1)
		}
		rest, at = rest[m[0]+n:], at+1
	}
}

// formatBytes writes a size in the greatest unit that it reaches, or in the one asked for.
func formatBytes(n float64, digits int64, unit string) any {
	units := []string{"Bytes", "KB", "MB", "GB", "TB", "PB", "EB"}
	at := -1
	for i, u := range units {
		if strings.EqualFold(u, unit) {
			at = i
		}
	}
	if unit != "" && at < 0 {
		return ""
	}
	if at < 0 {
		at = 0
		for v := math.Abs(n); v >= 1024 && at < len(units)-1; v /= 1024 {
			at++
		}
	}
	return strconv.FormatFloat(roundTo(n/math.Pow(1024, float64(at)), min(max(digits, 0), 15)), 'f', -1, 64) + " " + units[at]
}

func compress(how, text string) any {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if how == "zlib" {
		w = zlib.NewWriter(&b)
	}
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		return nil
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func decompress(how, text string) any {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	var r io.Reader
	if how == "zlib" {
		r, err = zlib.NewReader(bytes.NewReader(b))
	} else {
		r, err = gzip.NewReader(bytes.NewReader(b))
	}
	if err != nil {
		return ""
	}
	out, err := io.ReadAll(io.LimitReader(r, maxMade+1))
	if err != nil || len(out) > maxMade || !utf8.Valid(out) {
		return ""
	}
	return string(out)
}

// unitsOf gives units by their names in Kusto, as multiples of one of them.
func unitsOf(of string) map[string]string {
	switch of {
	case "angle":
		return map[string]string{"Radian": "1", "Degree": "0.017453292519943295", "Gradian": "0.015707963267948967", "Revolution": "6.283185307179586", "Arcminute": "0.0002908882086657216", "Arcsecond": "0.00000484813681109536",
			"Milliradian": "0.001", "Microradian": "0.000001", "Nanoradian": "0.000000001", "Deciradian": "0.1", "Centiradian": "0.01"}
	case "energy":
		return map[string]string{"Joule": "1", "Kilojoule": "1000", "Megajoule": "1000000", "Gigajoule": "1000000000", "Calorie": "4.184", "Kilocalorie": "4184", "Megacalorie": "4184000", "WattHour": "3600", "KilowattHour": "3600000",
			"MegawattHour": "3600000000", "GigawattHour": "3600000000000", "ElectronVolt": "0.0000000000000000001602176634", "BritishThermalUnit": "1055.05585262", "FootPound": "1.3558179483314004", "Erg": "0.0000001", "Millijoule": "0.001"}
	case "force":
		return map[string]string{"Newton": "1", "Kilonewton": "1000", "Meganewton": "1000000", "Millinewton": "0.001", "Micronewton": "0.000001", "Dyn": "0.00001", "KilogramForce": "9.80665", "PoundForce": "4.4482216152605", "OunceForce": "0.27801385095378125",
			"KiloPond": "9.80665", "Poundal": "0.138254954376", "TonneForce": "9806.65", "ShortTonForce": "8896.443230521"}
	case "length":
		return map[string]string{"Meter": "1", "Kilometer": "1000", "Hectometer": "100", "Decimeter": "0.1", "Centimeter": "0.01", "Millimeter": "0.001", "Micrometer": "0.000001", "Nanometer": "0.000000001", "Inch": "0.0254", "Foot": "0.3048",
			"Yard": "0.9144", "Mile": "1609.344", "NauticalMile": "1852", "Angstrom": "0.0000000001", "AstronomicalUnit": "149597870700", "Fathom": "1.8288", "Chain": "20.1168", "Hand": "0.1016"}
	case "mass":
		return map[string]string{"Kilogram": "1", "Gram": "0.001", "Milligram": "0.000001", "Microgram": "0.000000001", "Tonne": "1000", "Pound": "0.45359237", "Ounce": "0.028349523125", "Stone": "6.35029318", "ShortTon": "907.18474", "LongTon": "1016.0469088",
			"Grain": "0.00006479891", "Hectogram": "0.1", "Decagram": "0.01", "Centigram": "0.00001", "Decigram": "0.0001", "Kilotonne": "1000000"}
	case "speed":
		return map[string]string{"MeterPerSecond": "1", "KilometerPerHour": "5/18", "KilometerPerSecond": "1000", "MilePerHour": "0.44704", "FootPerSecond": "0.3048", "Knot": "463/900", "CentimeterPerSecond": "0.01", "MillimeterPerSecond": "0.001",
			"InchPerSecond": "0.0254", "MeterPerMinute": "1/60", "MeterPerHour": "1/3600", "FootPerMinute": "0.00508", "KilometerPerMinute": "50/3"}
	case "volume":
		return map[string]string{"CubicMeter": "1", "Liter": "0.001", "Milliliter": "0.000001", "Centiliter": "0.00001", "Deciliter": "0.0001", "Hectoliter": "0.1", "CubicCentimeter": "0.000001", "CubicDecimeter": "0.001", "CubicMillimeter": "0.000000001",
			"CubicInch": "0.000016387064", "CubicFoot": "0.028316846592", "CubicYard": "0.764554857984", "UsGallon": "0.003785411784", "ImperialGallon": "0.00454609", "UsQuart": "0.000946352946", "UsPint": "0.000473176473", "UsOunce": "0.0000295735295625", "CubicKilometer": "1000000000"}
	}
	return nil
}

func convertUnit(of string, v float64, from, to string) any {
	if of == "temperature" {
		return convertTemperature(v, from, to)
	}
	units := unitsOf(of)
	x, ok := new(big.Rat).SetString(units[from])
	y, also := new(big.Rat).SetString(units[to])
	if !ok || !also || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	in, _ := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64)) // 1.2, not its nearest double
	f, _ := in.Mul(in, x.Quo(x, y)).Float64()
	return f
}

// convertTemperature goes by kelvin: units are value = kelvin * scale + zero.
func convertTemperature(v float64, from, to string) any {
	type unit struct{ scale, zero float64 }
	units := map[string]unit{"Kelvin": {1, 0}, "DegreeCelsius": {1, -273.15}, "DegreeFahrenheit": {1.8, -459.67}, "DegreeRankine": {1.8, 0}, "DegreeReaumur": {0.8, -218.52},
		"DegreeDelisle": {-1.5, 559.725}, "DegreeNewton": {0.33, -90.1395}, "DegreeRoemer": {0.525, -135.90375}}
	a, ok := units[from]
	b, also := units[to]
	if !ok || !also {
		return nil
	}
	return roundTo((v-a.zero)/a.scale*b.scale+b.zero, 10)
}
