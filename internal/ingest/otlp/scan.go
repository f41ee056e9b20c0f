package otlp

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The decoders of OTLP recurse as deep as the data does and make objects many
// times the size of their encoding: two bytes can become an empty span, and a
// deeply nested value ends the process, since a stack overflow cannot be
// recovered from. So every request is walked through before it is decoded.
const (
	maxDepth     = 100       // nested protobuf messages; a span's attribute is the sixth
	maxJSONDepth = 300       // nested objects and arrays
	maxObjects   = 1_000_000 // messages, attributes and values of a request
)

var (
	errTooDeep     = errors.New("values are nested too deeply")
	errManyObjects = errors.New("too many objects")
	errManyItems   = errors.New("too many items")
)

// check refuses a request that would be too large or too deep in memory.
func (r *Receiver) check(s signal, e encoding, body []byte) *fault {
	if len(body) > r.options.MaxBodyBytes {
		return r.tooManyBytes()
	}
	var err error
	if e == jsonText {
		err = scanJSON(body, r.options.MaxItems)
	} else {
		scan := scan{maxItems: r.options.MaxItems}
		err = scan.message(body, requestOf[s], 0)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errManyItems):
		return r.tooManyItems(s)
	case errors.Is(err, errManyObjects):
		return tooLarge("the request has more than %d attributes and values; send smaller batches", maxObjects)
	}
	return malformed(err)
}

// shape is a protobuf message of OTLP that holds other messages.
type shape uint8

const (
	opaque shape = iota // holds nothing that must be looked into
	keyValue
	anyValue
	arrayValue
	keyValueList
	resource
	scope
	tracesRequest
	resourceSpans
	scopeSpans
	span
	event
	link
	logsRequest
	resourceLogs
	scopeLogs
	logRecord
	metricsRequest
	resourceMetrics
	scopeMetrics
	metric
	numberPoints
	histogramPoints
	exponentialPoints
	summaryPoints
	numberPoint
	histogramPoint
	exponentialPoint
	summaryPoint
	exemplar
	shapes
)

type field struct {
	number protowire.Number
	shape  shape
}

var requestOf = [signals]shape{traces: tracesRequest, logs: logsRequest, metrics: metricsRequest}

// fieldsOf has the fields of each message that are messages themselves.
var fieldsOf = [shapes][]field{
	keyValue:          {{2, anyValue}},
	anyValue:          {{5, arrayValue}, {6, keyValueList}},
	arrayValue:        {{1, anyValue}},
	keyValueList:      {{1, keyValue}},
	resource:          {{1, keyValue}, {3, opaque}},
	scope:             {{3, keyValue}},
	tracesRequest:     {{1, resourceSpans}},
	resourceSpans:     {{1, resource}, {2, scopeSpans}, {1000, scopeSpans}},
	scopeSpans:        {{1, scope}, {2, span}},
	span:              {{9, keyValue}, {11, event}, {13, link}},
	event:             {{3, keyValue}},
	link:              {{4, keyValue}},
	logsRequest:       {{1, resourceLogs}},
	resourceLogs:      {{1, resource}, {2, scopeLogs}, {1000, scopeLogs}},
	scopeLogs:         {{1, scope}, {2, logRecord}},
	logRecord:         {{5, anyValue}, {6, keyValue}},
	metricsRequest:    {{1, resourceMetrics}},
	resourceMetrics:   {{1, resource}, {2, scopeMetrics}, {1000, scopeMetrics}},
	scopeMetrics:      {{1, scope}, {2, metric}},
	metric:            {{5, numberPoints}, {7, numberPoints}, {9, histogramPoints}, {10, exponentialPoints}, {11, summaryPoints}, {12, keyValue}},
	numberPoints:      {{1, numberPoint}},
	histogramPoints:   {{1, histogramPoint}},
	exponentialPoints: {{1, exponentialPoint}},
	summaryPoints:     {{1, summaryPoint}},
	numberPoint:       {{5, exemplar}, {7, keyValue}},
	histogramPoint:    {{8, exemplar}, {9, keyValue}},
	exponentialPoint:  {{1, keyValue}, {8, opaque}, {9, opaque}, {11, exemplar}},
	summaryPoint:      {{6, opaque}, {7, keyValue}},
	exemplar:          {{7, keyValue}},
}

// isItem says that a shape counts as one of the request's items.
func (s shape) isItem() bool {
	return s == span || s == logRecord || s >= numberPoint && s <= summaryPoint
}

// isGroup says that a shape holds items.
func (s shape) isGroup() bool {
	return s >= resourceSpans && s <= scopeSpans || s == resourceLogs || s == scopeLogs || s >= resourceMetrics && s <= metric
}

// scan counts the messages of a request.
type scan struct {
	maxItems               int
	items, groups, objects int
}

func (s *scan) message(b []byte, of shape, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("protobuf: %w", protowire.ParseError(n))
		}
		b = b[n:]
		if wire != protowire.BytesType {
			if n = consumeScalar(wire, b); n < 0 {
				return fmt.Errorf("protobuf: field %d: %w", number, protowire.ParseError(n))
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return fmt.Errorf("protobuf: field %d: %w", number, protowire.ParseError(n))
		}
		b = b[n:]
		for _, f := range fieldsOf[of] {
			if f.number != number {
				continue
			}
			if err := s.count(f.shape); err != nil {
				return err
			}
			if f.shape == opaque {
				continue
			}
			if err := s.message(value, f.shape, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// consumeScalar gives the length of a value that is not length-delimited, or a
// negative code. OTLP has no groups.
func consumeScalar(wire protowire.Type, b []byte) (n int) {
	switch wire {
	case protowire.VarintType:
		_, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		_, n = protowire.ConsumeFixed32(b)
	case protowire.Fixed64Type:
		_, n = protowire.ConsumeFixed64(b)
	default:
		_, _, n = protowire.ConsumeTag(nil)
	}
	return n
}

func (s *scan) count(of shape) error {
	s.objects++
	switch {
	case of.isItem():
		s.items++
	case of.isGroup():
		s.groups++
	}
	if s.items > s.maxItems || s.groups > s.maxItems {
		return errManyItems
	}
	if s.objects > maxObjects {
		return errManyObjects
	}
	return nil
}

// scanJSON counts objects and their nesting. It does not know the fields: the
// objects down to the fourth level are the groups, the spans, log records or
// metrics, and the attributes of resources and scopes, hence the room.
func scanJSON(b []byte, maxItems int) error {
	var objects, shallow, braces, depth int
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > maxJSONDepth {
				return errTooDeep
			}
			if objects++; objects > maxObjects {
				return errManyObjects
			}
			if c == '[' {
				continue
			}
			if braces++; braces <= 4 {
				shallow++
			}
			if shallow > 2*maxItems+1000 {
				return errManyItems
			}
		case c == '}':
			depth--
			braces--
		case c == ']':
			depth--
		}
	}
	return nil
}
