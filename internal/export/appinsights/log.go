package appinsights

import (
	"encoding/json"
	"strconv"

	"gatehouse/internal/telemetry"
)

// log adds the item of a log record.
func (b *batch) log(l *telemetry.LogRecord) {
	attributes, item := parsed(l.Attributes), parsed(l.Item)
	kind, fields := logFields(l, attributes, item)
	if kind == "" {
		return
	}
	if m := numbers(l.Measurements); len(m) > 0 {
		fields["measurements"] = m
	}
	props := plain(attributes)
	resource := b.resource(l.Resource)
	if l.Source == "gateway" {
		logDimensions(l, resource, props)
	}
	b.add(kind, l.Time, l.SampleWeight, logTags(l, attributes, resource), props, fields)
}

func logTags(l *telemetry.LogRecord, attributes, resource object) map[string]string {
	out := tagsOf(parsed(l.Tags), resource, l.Service, l.Instance)
	out["ai.operation.id"], out["ai.operation.parentId"] = l.TraceID, l.SpanID
	if out["ai.operation.name"] == "" && l.Source == "gateway" && l.Operation != "" {
		out["ai.operation.name"] = l.API + " - " + l.Operation
	}
	out["ai.user.id"] = first(out["ai.user.id"], str(attributes["enduser.pseudo.id"]))
	out["ai.user.authUserId"] = first(out["ai.user.authUserId"], str(attributes["enduser.id"]))
	return out
}

func logDimensions(l *telemetry.LogRecord, resource object, p properties) {
	if l.Type != telemetry.TypeMetric {
		p.set("API Name", l.API)
		p.set("Operation Name", l.Operation)
		p.set("Product Name", l.Product)
		p.set("Subscription Name", l.Subscription)
		p.set("source", l.Scope)
	}
	p.set("Region", str(resource["cloud.region"]))
	p.set("Service ID", l.Service)
	p["Service Type"] = "API Management"
}

// logFields gives the protocol's type of a record and its own fields.
func logFields(l *telemetry.LogRecord, attributes, item object) (string, object) {
	text := func(name string) string { return str(item[name]) }
	switch l.Type {
	case telemetry.TypeMessage:
		switch {
		case l.Source == "otlp" && oneOf(attributes, "exception.type", "exception.message") != "":
			return exceptionData, exception(l, attributes, item)
		case l.Source == "otlp" && str(attributes["microsoft.custom_event.name"]) != "":
			return eventData, object{"name": str(attributes["microsoft.custom_event.name"])}
		}
		return messageData, object{"message": l.Body, "severityLevel": severity(l.Severity)}
	case telemetry.TypeException:
		return exceptionData, exception(l, attributes, item)
	case telemetry.TypeEvent:
		return eventData, object{"name": l.EventName}
	case telemetry.TypePageView:
		out := object{"id": text("id"), "name": l.EventName, "url": text("url"), "referrerUri": text("referrerUri")}
		spanOf(out, "duration", item["duration"])
		return pageViewData, out
	case telemetry.TypeBrowserTiming:
		out := object{"id": first(text("id"), l.SpanID), "name": l.EventName, "url": text("url")}
		for field, column := range map[string]string{"perfTotal": "totalDuration", "networkConnect": "networkDuration", "sentRequest": "sendDuration",
			"receivedResponse": "receiveDuration", "domProcessing": "processingDuration"} {
			spanOf(out, field, item[column])
		}
		return pagePerfData, out
	case telemetry.TypeAvailability:
		ok := text("success")
		return availData, object{"id": text("id"), "name": l.EventName, "duration": milliseconds(item["duration"]), "success": ok == "true" || ok == "1" || ok == "True",
			"runLocation": text("location"), "message": first(l.Body, text("message"))}
	case telemetry.TypeMetric:
		return metricData, object{"metrics": []object{metric(l.EventName, item)}}
	case telemetry.TypePerformanceCounter:
		v, _ := number(item["value"])
		return metricData, object{"metrics": []object{{"name": counterPath(l.EventName, item), "value": v, "count": 1}}}
	}
	return "", nil
}

func spanOf(out object, field string, v any) {
	if v != nil {
		out[field] = milliseconds(v)
	}
}

func severity(word string) string {
	switch word {
	case "information":
		return "Information"
	case "warning":
		return "Warning"
	case "error":
		return "Error"
	case "fatal":
		return "Critical"
	}
	return "Verbose"
}

// metric has the sum as its value when it stands for several.
func metric(name string, item object) object {
	value, ok := number(item["valueSum"])
	if !ok {
		value, _ = number(item["value"])
	}
	out := object{"name": clip(name, 1024), "value": value, "count": 1}
	if n, ok := number(item["valueCount"]); ok && n > 1 {
		out["count"], out["kind"] = int64(n), 1 // aggregation
	}
	for field, column := range map[string]string{"min": "valueMin", "max": "valueMax", "stdDev": "valueStdDev"} {
		if v, ok := number(item[column]); ok {
			out[field] = v
		}
	}
	if ns := str(item["metricNamespace"]); ns != "" {
		out["ns"] = clip(ns, 256)
	}
	return out
}

// counterPath is the name by which SDKs send performance counters.
func counterPath(name string, item object) string {
	category, counter := str(item["category"]), first(str(item["counter"]), name)
	if category == "" {
		return counter
	}
	if instance := str(item["instance"]); instance != "" {
		category += "(" + instance + ")"
	}
	return `\` + category + `\` + counter
}

// exception has the chain that the sender's item had, or one link.
func exception(l *telemetry.LogRecord, attributes, item object) object {
	kind := first(str(item["type"]), str(item["outerType"]), str(attributes["exception.type"]))
	out := object{"problemId": first(str(item["problemId"]), kind), "severityLevel": severity(l.Severity), "handledAt": str(item["handledAt"])}
	if level, ok := number(item["severityLevel"]); ok && level >= 0 && level <= 4 {
		out["severityLevel"] = [...]string{"Verbose", "Information", "Warning", "Error", "Critical"}[int(level)]
	}
	var chain []object
	details, _ := item["details"].([]any)
	for n, d := range details {
		if d, ok := d.(object); ok {
			chain = append(chain, link(n, d))
		}
	}
	if len(chain) == 0 {
		message := first(str(item["outerMessage"]), str(attributes["exception.message"]), l.Body)
		chain = []object{thrown(kind, message, str(attributes["exception.stacktrace"]))}
	}
	out["exceptions"] = chain
	return out
}

func link(n int, d object) object {
	out := thrown(str(d["type"]), str(d["message"]), str(d["rawStack"]))
	out["id"], out["outerId"] = integer(d["id"], n+1), integer(d["outerId"], n)
	frames, _ := d["parsedStack"].([]any)
	var stack []object
	for _, f := range frames {
		frame, ok := f.(object)
		if !ok {
			continue
		}
		one := object{"level": integer(frame["level"], len(stack))}
		for _, name := range []string{"method", "assembly", "fileName"} {
			if v := str(frame[name]); v != "" {
				one[name] = v
			}
		}
		if line, ok := frame["line"].(json.Number); ok {
			one["line"] = line
		}
		stack = append(stack, one)
	}
	if len(stack) > 0 {
		out["parsedStack"], out["hasFullStack"] = stack, true
	}
	return out
}

func integer(v any, otherwise int) int {
	if n, err := strconv.Atoi(str(v)); err == nil {
		return n
	}
	return otherwise
}
