package appinsights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/golang/snappy"
)

// batch collects lines. A line is an envelope without its opening: the key is
// put in front when it is sent, so that it is never on disk and may change.
type batch struct {
	lines []byte
	items int
	err   error
}

type object = map[string]any

// envelope is the order of fields that follow ver and iKey.
type envelope struct {
	Name       string            `json:"name"`
	Time       string            `json:"time"`
	SampleRate float64           `json:"sampleRate"`
	Tags       map[string]string `json:"tags"`
	Data       data              `json:"data"`
}

type data struct {
	BaseType string `json:"baseType"`
	BaseData object `json:"baseData"`
}

// Names of envelopes, by baseType.
const (
	requestData    = "RequestData"
	dependencyData = "RemoteDependencyData"
	exceptionData  = "ExceptionData"
	messageData    = "MessageData"
	eventData      = "EventData"
	metricData     = "MetricData"
	pageViewData   = "PageViewData"
	pagePerfData   = "PageViewPerfData"
	availData      = "AvailabilityData"
)

func envelopeName(baseType string) string {
	switch baseType {
	case dependencyData:
		return "Microsoft.ApplicationInsights.RemoteDependency"
	case pagePerfData:
		return "Microsoft.ApplicationInsights.PageViewPerf"
	}
	return "Microsoft.ApplicationInsights." + baseType[:len(baseType)-len("Data")]
}

// add appends one item. Empty texts are left out.
func (b *batch) add(baseType string, at int64, weight int32, tags map[string]string, props properties, fields object) {
	fields["ver"] = 2
	for name, value := range fields {
		if value == "" && !required(baseType, name) {
			delete(fields, name)
		}
	}
	cut := limit(fields)
	if p := props.limited(&cut); len(p) > 0 {
		fields["properties"] = p
	}
	for name, value := range tags {
		if value == "" {
			delete(tags, name)
		}
	}
	e := envelope{Name: envelopeName(baseType), Time: time.Unix(0, at).UTC().Format("2006-01-02T15:04:05.0000000Z"),
		SampleRate: 100 / float64(max(weight, 1)), Tags: tags, Data: data{baseType, fields}}
	line, err := json.Marshal(e)
	if err != nil {
		b.err = err
		return
	}
	b.lines = append(append(b.lines, line[1:]...), '\n')
	b.items++
}

// required fields stay although they are empty.
func required(baseType, name string) bool {
	return name == "name" || name == "id" || name == "responseCode" || name == "message" && baseType == messageData
}

// Limits of the protocol's fields, in bytes of whole characters.
var fieldLimits = map[string]int{"id": 512, "name": 1024, "url": 2048, "source": 1024, "responseCode": 1024, "data": 8192, "type": 1024, "target": 1024,
	"resultCode": 1024, "problemId": 1024, "message": 32768, "runLocation": 1024}

const (
	maxKey    = 150
	maxValue  = 8192
	maxPairs  = 200
	truncated = "gatehouse.truncated" // names the fields that were cut
)

// limit cuts texts that the protocol would cut, and names them.
func limit(fields object) []string {
	var cut []string
	for name, n := range fieldLimits {
		if s, ok := fields[name].(string); ok && len(s) > n {
			fields[name] = clip(s, n)
			cut = append(cut, name)
		}
	}
	return cut
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// properties are custom dimensions.
type properties map[string]string

func (p properties) set(name, value string) {
	if value != "" {
		p[name] = value
	}
}

func (p properties) limited(cut *[]string) properties {
	for name, value := range p {
		if len(value) > maxValue {
			p[name] = clip(value, maxValue)
			*cut = append(*cut, name)
		}
		if len(name) > maxKey {
			p[clip(name, maxKey)] = p[name]
			delete(p, name)
		}
	}
	if len(*cut) > 0 {
		if p == nil {
			p = properties{}
		}
		p[truncated] = clip(fmt.Sprint(*cut), maxValue)
	}
	return p
}

// parsed reads a JSON object of a row; numbers keep their digits.
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

// str gives a value of a JSON object as text.
func str(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func number(v any) (float64, bool) {
	f, err := strconv.ParseFloat(str(v), 64)
	return f, err == nil
}

// numbers are the custom measurements of a row, nil when there are none.
func numbers(text string) map[string]float64 {
	var out map[string]float64
	for name, v := range parsed(text) {
		if f, ok := number(v); ok {
			if out == nil {
				out = map[string]float64{}
			}
			out[clip(name, maxKey)] = f
		}
	}
	return out
}

// timespan writes a duration as [d.]hh:mm:ss.fffffff.
func timespan(d time.Duration) string {
	d = max(d, 0)
	ticks := int64(d / 100)
	const second, day = 10_000_000, 24 * 3600 * 10_000_000
	days, rest := ticks/day, ticks%day
	s := rest / second
	out := fmt.Sprintf("%02d:%02d:%02d.%07d", s/3600, s/60%60, s%60, rest%second)
	if days > 0 {
		out = strconv.FormatInt(days, 10) + "." + out
	}
	return out
}

func milliseconds(v any) string {
	f, _ := number(v)
	return timespan(time.Duration(min(f, 1e12) * 1e6))
}

// version is the first byte of what is in the queue.
const version = 1

func pack(lines []byte) []byte {
	return append([]byte{version}, snappy.Encode(nil, lines)...)
}

// join gives the lines of batches.
func join(batches [][]byte) ([]byte, error) {
	var out []byte
	for _, b := range batches {
		if len(b) == 0 || b[0] != version {
			return nil, errUnreadable
		}
		lines, err := snappy.Decode(nil, b[1:])
		if err != nil {
			return nil, errUnreadable
		}
		out = append(out, lines...)
	}
	return out, nil
}
