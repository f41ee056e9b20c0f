package track

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/telemetry"
)

// item is an envelope that becomes a row.
type item struct {
	o         *Options
	e         *envelope
	now       time.Time
	workspace telemetry.Workspace
	sender    *http.Request

	time                                       int64
	weight                                     int32
	operation, parent, role, instance, address string
	tags                                       map[string]string // by column
	attributes, measurements                   string
	cuts                                       []string // fields that were cut
	age                                        string   // late, early: the time is far from now
	span                                       *telemetry.Span
	log                                        *telemetry.LogRecord
}

// source of all rows that are made here.
const source = "track"

// Names of custom dimensions that the receiver adds.
const (
	truncatedDimension = "gatehouse.truncated" // names of the fields that were cut
	ageDimension       = "gatehouse.time"      // late, early
)

// build makes the row and gives the type's name for counting.
func (it *item) build() (kind string, f *fault) {
	if f := it.when(); f != nil {
		return "", f
	}
	it.weight = 1
	if rate := it.e.SampleRate; rate.set && rate.f > 0 && rate.f < 100 {
		it.weight = int32(min(math.Round(100/rate.f), math.MaxInt32))
	}
	it.context()
	switch strings.ToLower(it.e.Data.BaseType.s) {
	case "requestdata":
		return "request", it.request()
	case "remotedependencydata":
		return "dependency", it.dependency()
	case "exceptiondata":
		return "exception", it.exception()
	case "messagedata":
		return "trace", it.message()
	case "eventdata":
		return "event", it.event()
	case "metricdata":
		return "metric", it.metric()
	case "performancecounterdata":
		return "performance-counter", it.counter()
	case "pageviewdata":
		return "page-view", it.pageView()
	case "pageviewperfdata", "pageviewperformancedata":
		return "browser-timing", it.pageTiming()
	case "availabilitydata":
		return "availability", it.availability()
	}
	return "", &fault{status: http.StatusBadRequest, reason: "unknown_type", message: "data.baseType is not a type of item that is known here"}
}

// when reads the time. One that is far from now is kept and marked, unless the
// receiver refuses it.
func (it *item) when() *fault {
	t := it.now
	if it.e.Time.s != "" {
		var ok bool
		if t, ok = moment(it.e.Time.s); !ok {
			return invalid("Field 'time' on type 'Envelope' is of incorrect type. Expected: an ISO 8601 time such as 2026-01-31T12:00:00.123Z")
		}
	}
	it.time = t.UnixNano()
	switch ahead := t.Sub(it.now); {
	case ahead < -it.o.OldestItem:
		it.age = "late"
	case ahead > it.o.NewestItem:
		it.age = "early"
	}
	if it.age != "" && it.o.RefuseAge {
		return &fault{status: http.StatusBadRequest, reason: "age", message: "Field 'time' on type 'Envelope' is older than the allowed min date or beyond the allowed max date"}
	}
	return nil
}

// read decodes the base data.
func (it *item) read(into any) *fault {
	if err := json.Unmarshal(it.e.Data.BaseData, into); err != nil {
		return invalid("data.baseData has fields of unexpected types")
	}
	return nil
}

// cut shortens a value to a number of characters, and notes it.
func (it *item) cut(field, s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit {
			it.marked(field)
			return s[:i]
		}
		n++
	}
	return s
}

func (it *item) marked(field string) {
	if !slices.Contains(it.cuts, field) {
		it.cuts = append(it.cuts, field)
	}
}

// custom reads custom dimensions and measurements.
func (it *item) custom(properties pairs, measurements numbers) {
	dimensions := map[string]string{}
	for name, value := range it.bounded(properties) {
		switch {
		case name == "_MS.ProcessedByMetricExtractors" || !value.set:
		case secret(name):
			dimensions[it.cut("properties", name, it.o.Limits.Key)] = mask
		default:
			dimensions[it.cut("properties", name, it.o.Limits.Key)] = it.cut("properties."+clipped(name), maskedURL(value.s), it.o.Limits.Value)
		}
	}
	values := map[string]float64{}
	for _, name := range sortedNames(measurements) {
		switch {
		case !measurements[name].set || len(values) == it.o.Limits.Entries:
			it.marked("measurements." + clipped(name))
		default:
			values[it.cut("measurements", name, it.o.Limits.Key)] = measurements[name].f
		}
	}
	it.seal(dimensions)
	if len(values) > 0 {
		it.measurements = encode(values)
	}
}

// seal writes the dimensions with the marks. It comes after every cut.
func (it *item) seal(dimensions map[string]string) {
	if len(it.cuts) > 0 {
		slices.Sort(it.cuts)
		dimensions[truncatedDimension] = strings.Join(it.cuts, ", ")
	}
	if it.age != "" {
		dimensions[ageDimension] = it.age
	}
	if len(dimensions) > 0 {
		it.attributes = encode(dimensions)
	}
}

// bounded are the first properties by name.
func (it *item) bounded(all pairs) pairs {
	if len(all) <= it.o.Limits.Entries {
		return all
	}
	it.marked("properties")
	out := pairs{}
	for _, name := range sortedNames(all)[:it.o.Limits.Entries] {
		out[name] = all[name]
	}
	return out
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// clipped is the beginning of a sender's name, for a mark.
func clipped(name string) string {
	if utf8.RuneCountInString(name) <= 40 {
		return name
	}
	return string([]rune(name)[:40])
}

func (it *item) tagText() string {
	if len(it.tags) == 0 {
		return ""
	}
	return encode(it.tags)
}
