package kql

import (
	"encoding/json"
	"math"
	"strings"

	"gatehouse/internal/store/lake"
)

// earthRadius in metres; the Earth is a sphere here.
const earthRadius = 6371008.8

// geoFunctions take degrees, longitude first, and shapes as GeoJSON.
func geoFunctions() []function {
	return []function{
		{"geo_distance_2points", "rrrr", "r", "kql_geo_distance({0}, {1}, {2}, {3})", unnamed},
		{"geo_distance_point_to_line", "rrj", "r", "kql_geo_to_line({0}, {1}, CAST({2} AS VARCHAR))", unnamed},
		{"geo_line_length", "j", "r", "kql_geo_length(CAST({0} AS VARCHAR))", unnamed},
		{"geo_point_in_circle", "rrrrr", "b", "(kql_geo_distance({0}, {1}, {2}, {3}) <= {4})", unnamed},
		{"geo_point_in_polygon", "rrj", "b", "kql_geo_in_polygon({0}, {1}, CAST({2} AS VARCHAR))", unnamed},
		{"geo_point_to_geohash", "rr?l", "s", "kql_geo_hash({0}, {1}, {2|5})", unnamed},
		{"geo_geohash_to_central_point", "s", "j", "CAST(kql_geo_centre({0}) AS JSON)", unnamed},
		{"geo_geohash_to_polygon", "s", "j", "CAST(kql_geo_box({0}) AS JSON)", unnamed},
		{"geo_geohash_neighbors", "s", "j", "CAST(kql_geo_neighbours({0}) AS JSON)", unnamed},
	}
}

func geoNatives() []lake.Function {
	return []lake.Function{
		native("geo_distance", "rrrr>r", func(a []any) any {
			p, q := place{a[0].(float64), a[1].(float64)}, place{a[2].(float64), a[3].(float64)}
			if !p.valid() || !q.valid() {
				return nil
			}
			return p.distance(q)
		}),
		native("geo_to_line", "rrs>r", func(a []any) any {
			return distanceToLine(place{a[0].(float64), a[1].(float64)}, linesOf(a[2].(string)))
		}),
		native("geo_length", "s>r", func(a []any) any { return lengthOf(linesOf(a[0].(string))) }),
		native("geo_in_polygon", "rrs>b", func(a []any) any {
			return inPolygon(place{a[0].(float64), a[1].(float64)}, a[2].(string))
		}),
		native("geo_hash", "rrl>s", func(a []any) any {
			return geohash(place{a[0].(float64), a[1].(float64)}, a[2].(int64))
		}),
		native("geo_centre", "s>s", func(a []any) any {
			b, ok := boxOf(a[0].(string))
			if !ok {
				return nil
			}
			return jsonOf(map[string]any{"type": "Point", "coordinates": b.centre()})
		}),
		native("geo_box", "s>s", func(a []any) any {
			b, ok := boxOf(a[0].(string))
			if !ok {
				return nil
			}
			return jsonOf(map[string]any{"type": "Polygon", "coordinates": [][]place{{{b.west, b.south}, {b.east, b.south}, {b.east, b.north}, {b.west, b.north}, {b.west, b.south}}}})
		}),
		native("geo_neighbours", "s>s", func(a []any) any { return neighbours(a[0].(string)) }),
	}
}

// place is longitude and latitude in degrees.
type place [2]float64

func (p place) valid() bool {
	return p[0] >= -180 && p[0] <= 180 && p[1] >= -90 && p[1] <= 90
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// distance in metres along a great circle.
func (p place) distance(q place) float64 {
	h := math.Pow(math.Sin(radians(q[1]-p[1])/2), 2) + math.Cos(radians(p[1]))*math.Cos(radians(q[1]))*math.Pow(math.Sin(radians(q[0]-p[0])/2), 2)
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}

// bearing is the direction in which q lies, in radians.
func (p place) bearing(q place) float64 {
	d := radians(q[0] - p[0])
	y := math.Sin(d) * math.Cos(radians(q[1]))
	x := math.Cos(radians(p[1]))*math.Sin(radians(q[1])) - math.Sin(radians(p[1]))*math.Cos(radians(q[1]))*math.Cos(d)
	return math.Atan2(y, x)
}

type geoShape struct {
	Type        string          `json:"type"`
	Coordinates json.RawMessage `json:"coordinates"`
}

// linesOf reads a LineString or MultiLineString.
func linesOf(text string) (lines [][]place) {
	var s geoShape
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil
	}
	switch s.Type {
	case "LineString":
		lines = make([][]place, 1)
		if json.Unmarshal(s.Coordinates, &lines[0]) != nil {
			return nil
		}
	case "MultiLineString":
		if json.Unmarshal(s.Coordinates, &lines) != nil {
			return nil
		}
	}
	for _, l := range lines {
		for _, p := range l {
			if !p.valid() {
				return nil
			}
		}
	}
	return lines
}

func lengthOf(lines [][]place) any {
	if lines == nil {
		return nil
	}
	sum := 0.0
	for _, l := range lines {
		for i := 1; i < len(l); i++ {
			sum += l[i-1].distance(l[i])
		}
	}
	return sum
}

func distanceToLine(p place, lines [][]place) any {
	if lines == nil || !p.valid() {
		return nil
	}
	least := math.Inf(1)
	for _, l := range lines {
		for i := range l {
			least = math.Min(least, p.distance(l[i]))
			if i > 0 {
				least = math.Min(least, p.across(l[i-1], l[i]))
			}
		}
	}
	return finite(least)
}

// across is the distance to the great circle through two places, infinite when
// its foot is not between them.
func (p place) across(from, to place) float64 {
	along := from.distance(p) / earthRadius
	turn := from.bearing(p) - from.bearing(to)
	foot := math.Atan2(math.Sin(along)*math.Cos(turn), math.Cos(along))
	if foot < 0 || foot > from.distance(to)/earthRadius {
		return math.Inf(1)
	}
	return earthRadius * math.Abs(math.Asin(math.Sin(along)*math.Sin(turn)))
}

// inPolygon: the first ring of a polygon is its shell, the others are holes.
func inPolygon(p place, text string) any {
	var s geoShape
	if json.Unmarshal([]byte(text), &s) != nil || !p.valid() {
		return nil
	}
	var polygons [][][]place
	switch s.Type {
	case "Polygon":
		polygons = make([][][]place, 1)
		if json.Unmarshal(s.Coordinates, &polygons[0]) != nil {
			return nil
		}
	case "MultiPolygon":
		if json.Unmarshal(s.Coordinates, &polygons) != nil {
			return nil
		}
	default:
		return nil
	}
	for _, rings := range polygons {
		inside := len(rings) > 0 && p.within(rings[0])
		for _, hole := range rings[min(1, len(rings)):] {
			inside = inside && !p.within(hole)
		}
		if inside {
			return true
		}
	}
	return false
}

// within sums the turns from one corner to the next, as seen from the place:
// all the way round when it is inside.
func (p place) within(ring []place) bool {
	sum := 0.0
	for i := 1; i < len(ring); i++ {
		if p == ring[i] {
			return true
		}
		sum += math.Remainder(p.bearing(ring[i])-p.bearing(ring[i-1]), 2*math.Pi)
	}
	return math.Abs(sum) > math.Pi
}

const geohashDigits = "0123456789bcdefghjkmnpqrstuvwxyz"

// geohash has 5 bits a letter, longitude and latitude in turn.
func geohash(p place, length int64) any {
	if !p.valid() || length < 1 || length > 18 {
		return ""
	}
	b := box{-180, 180, -90, 90}
	var out strings.Builder
	for bit, digit := 0, 0; out.Len() < int(length); bit++ {
		digit = digit<<1 | b.halve(bit%2 == 0, func(middle float64) bool { return p[bit%2] >= middle })
		if bit%5 == 4 {
			out.WriteByte(geohashDigits[digit])
			digit = 0
		}
	}
	return out.String()
}

type box struct{ west, east, south, north float64 }

// halve keeps the upper half when upper says so, which is 1.
func (b *box) halve(longitude bool, upper func(float64) bool) int {
	low, high := &b.south, &b.north
	if longitude {
		low, high = &b.west, &b.east
	}
	middle := (*low + *high) / 2
	if upper(middle) {
		*low = middle
		return 1
	}
	*high = middle
	return 0
}

func (b box) centre() place { return place{(b.west + b.east) / 2, (b.south + b.north) / 2} }

func boxOf(hash string) (box, bool) {
	b := box{-180, 180, -90, 90}
	hash = strings.ToLower(hash)
	if len(hash) == 0 || len(hash) > 18 {
		return b, false
	}
	for i := range len(hash) * 5 {
		digit := strings.IndexByte(geohashDigits, hash[i/5])
		if digit < 0 {
			return b, false
		}
		b.halve(i%2 == 0, func(float64) bool { return digit>>(4-i%5)&1 == 1 })
	}
	return b, true
}

// neighbours are the up to eight cells around one, without those beyond a pole.
func neighbours(hash string) any {
	b, ok := boxOf(hash)
	if !ok {
		return nil
	}
	c, width, height := b.centre(), b.east-b.west, b.north-b.south
	list := []any{}
	for _, step := range [][2]float64{{0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}} {
		p := place{math.Remainder(c[0]+step[0]*width, 360), c[1] + step[1]*height}
		if p.valid() {
			list = append(list, geohash(p, int64(len(hash))))
		}
	}
	return jsonOf(list)
}
