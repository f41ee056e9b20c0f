package track

import (
	"gatehouse/internal/telemetry"
)

// columns are those that only one type of item has, by name.
type columns map[string]any

// record makes the row of an item that is no span.
func (it *item) record(kind, name, body string, own columns, c custom) {
	it.custom(c.Properties, c.Measurements)
	if it.address != "" {
		it.tags["client_IP"] = it.address
	}
	it.log = &telemetry.LogRecord{Time: it.time, TraceID: it.operation, SpanID: it.parent, Body: body, EventName: name, Service: it.role, Instance: it.instance,
		Source: source, Type: kind, Workspace: it.workspace.Name, SampleWeight: it.weight, Tags: it.tagText(), Measurements: it.measurements, Attributes: it.attributes}
	if len(own) > 0 {
		it.log.Item = encode(own)
	}
}

func (it *item) message() *fault {
	var d struct {
		custom
		Message       text `json:"message"`
		SeverityLevel text `json:"severityLevel"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if !d.Message.set {
		return missing("message", "MessageData")
	}
	it.record(telemetry.TypeMessage, "", it.cut("message", d.Message.s, it.o.Limits.Message), nil, d.custom)
	it.log.Severity, it.log.SeverityNumber, _ = severity(d.SeverityLevel)
	return nil
}

// maxEventName is Azure's own limit; other names are longer.
const maxEventName = 512

func (it *item) event() *fault {
	var d struct {
		custom
		Name text `json:"name"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if d.Name.s == "" {
		return missing("name", "EventData")
	}
	it.record(telemetry.TypeEvent, it.cut("name", d.Name.s, min(maxEventName, it.o.Limits.Name)), "", nil, d.custom)
	return nil
}

func (it *item) pageView() *fault {
	var d struct {
		custom
		ID       text `json:"id"`
		Name     text `json:"name"`
		URL      text `json:"url"`
		Duration text `json:"duration"`
		Referrer text `json:"referrerUri"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if !d.Name.set && !d.URL.set {
		return missing("name", "PageViewData")
	}
	l := it.o.Limits
	own := columns{}
	it.put(own, "id", d.ID.s, l.ID)
	it.put(own, "url", maskedURL(d.URL.s), l.URL)
	it.put(own, "referrerUri", maskedURL(d.Referrer.s), l.URL)
	if f := own.span("duration", d.Duration, "PageViewData"); f != nil {
		return f
	}
	it.record(telemetry.TypePageView, it.cut("name", d.Name.s, min(maxEventName, l.Name)), "", own, d.custom)
	return nil
}

func (it *item) pageTiming() *fault {
	var d struct {
		custom
		Name       text `json:"name"`
		URL        text `json:"url"`
		Total      text `json:"perfTotal"`
		Connect    text `json:"networkConnect"`
		Sent       text `json:"sentRequest"`
		Received   text `json:"receivedResponse"`
		Processing text `json:"domProcessing"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if !d.Name.set && !d.URL.set {
		return missing("name", "PageViewPerfData")
	}
	l := it.o.Limits
	own := columns{}
	it.put(own, "url", maskedURL(d.URL.s), l.URL)
	for name, value := range map[string]text{"totalDuration": d.Total, "networkDuration": d.Connect, "sendDuration": d.Sent, "receiveDuration": d.Received, "processingDuration": d.Processing} {
		if f := own.span(name, value, "PageViewPerfData"); f != nil {
			return f
		}
	}
	it.record(telemetry.TypeBrowserTiming, it.cut("name", d.Name.s, min(maxEventName, l.Name)), "", own, d.custom)
	return nil
}

func (it *item) availability() *fault {
	var d struct {
		custom
		ID          text `json:"id"`
		Name        text `json:"name"`
		Duration    text `json:"duration"`
		Success     text `json:"success"`
		RunLocation text `json:"runLocation"`
		Message     text `json:"message"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	worked, known := d.Success.truth()
	switch {
	case !d.Name.set:
		return missing("name", "AvailabilityData")
	case !known:
		return missing("success", "AvailabilityData")
	case d.Duration.s == "":
		return missing("duration", "AvailabilityData")
	}
	l := it.o.Limits
	own := columns{"success": worked}
	it.put(own, "id", d.ID.s, l.ID)
	it.put(own, "location", d.RunLocation.s, l.Text)
	if f := own.span("duration", d.Duration, "AvailabilityData"); f != nil {
		return f
	}
	it.record(telemetry.TypeAvailability, it.cut("name", d.Name.s, l.Name), it.cut("message", d.Message.s, l.Data), own, d.custom)
	return nil
}

// put sets a text that is not empty.
func (it *item) put(own columns, name, value string, limit int) {
	if value != "" {
		own[name] = it.cut(name, value, limit)
	}
}

// span sets a duration, in milliseconds, that was said.
func (c columns) span(name string, value text, kind string) *fault {
	if value.s == "" {
		return nil
	}
	d, ok := timespan(value.s)
	if !ok {
		return invalid("Field '" + name + "' on type '" + kind + "' is of incorrect type. Expected: d.hh:mm:ss.fffffff")
	}
	c[name] = float64(d.Nanoseconds()) / 1e6
	return nil
}
