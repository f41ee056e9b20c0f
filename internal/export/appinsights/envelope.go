package appinsights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

type object = map[string]any

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
	b.lines = append(append(append(b.lines, `"name":"`...), envelopeName(baseType)...), `","time":"`...)
	b.lines = time.Unix(0, at).UTC().AppendFormat(b.lines, "2006-01-02T15:04:05.0000000Z")
	b.lines = append(b.lines, `","sampleRate":`...)
	b.number(100 / float64(max(weight, 1)))
	b.lines = append(b.lines, `,"tags":`...)
	b.value(tags)
	b.lines = append(append(append(b.lines, `,"data":{"baseType":"`...), baseType...), `","baseData":`...)
	b.value(fields)
	b.lines = append(b.lines, "}}\n"...)
	b.end()
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
	if out, ok := flat(text); ok {
		return out
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var out object
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// resource reads the resource of a row.
func (b *batch) resource(text string) object {
	out, known := b.resources[text]
	if !known {
		out = parsed(text)
		if b.resources == nil || len(b.resources) >= 100 {
			b.resources = map[string]object{}
		}
		b.resources[text] = out
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
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
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
	var room [32]byte
	return string(appendTimespan(room[:0], d))
}

func appendTimespan(out []byte, d time.Duration) []byte {
	d = max(d, 0)
	ticks := int64(d / 100)
	const second, day = 10_000_000, 24 * 3600 * 10_000_000
	days, rest := ticks/day, ticks%day
	s := rest / second
	if days > 0 {
		out = append(strconv.AppendInt(out, days, 10), '.')
	}
	out = append(padded(out, s/3600, 2), ':')
	out = append(padded(out, s/60%60, 2), ':')
	out = append(padded(out, s%60, 2), '.')
	return padded(out, rest%second, 7)
}

// padded appends a number with at least so many digits.
func padded(b []byte, n int64, digits int) []byte {
	at := len(b)
	for range digits {
		b = append(b, '0')
	}
	for i := len(b) - 1; i >= at && n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func milliseconds(v any) string {
	f, _ := number(v)
	return timespan(time.Duration(min(f, 1e12) * 1e6))
}
