package appinsights

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// The gateway's own rows are many. Their items are written without maps: what
// the rows of one operation have in common is made once, as a shape.

// shapeKey is what the texts of a shape are made of.
type shapeKey struct {
	name, service, instance, resource, host                      string
	api, revision, operation, product, subscription, kind, cache string
	weight                                                       int32
	masked                                                       bool // the address of the client is not known
}

// shape is the common part of rows: the constants of their items.
type shape struct {
	key                            shapeKey
	request, dependency, exception string // until the trace id
	toRequest, toDependency        string // from there until the row's own dimensions
	toException                    string
}

// shape finds the one of a row; nearly always it is that of the row before.
func (b *batch) shape(k *shapeKey) *shape {
	if b.last != nil && b.last.key == *k {
		return b.last
	}
	s := b.shapes[*k]
	if s == nil {
		if b.shapes == nil || len(b.shapes) >= 1000 {
			b.shapes = map[shapeKey]*shape{}
		}
		s = b.newShape(k)
		b.shapes[s.key] = s
	}
	b.last = s
	return s
}

// newShape copies the key's texts: rows are their caller's.
func (b *batch) newShape(k *shapeKey) *shape {
	own := *k
	for _, p := range []*string{&own.name, &own.service, &own.instance, &own.resource, &own.host, &own.api, &own.revision, &own.operation,
		&own.product, &own.subscription, &own.kind, &own.cache} {
		*p = strings.Clone(*p)
	}
	s := &shape{key: own}
	resource := b.resource(own.resource)
	var tags pairs
	tags.add("ai.application.ver", str(resource["service.version"]))
	tags.add("ai.cloud.role", own.service)
	tags.add("ai.cloud.roleInstance", own.instance)
	tags.add("ai.internal.sdkVersion", "gatehouse")
	tags.add("ai.operation.name", own.name)
	if own.masked {
		tags.add("ai.location.ip", "0.0.0.0") // an endpoint would take this process's own
	}
	var dims pairs
	dims.add("API Name", own.api)
	dims.add("API Revision", own.revision)
	dims.add("API Type", first(own.kind, "http"))
	dims.add("Cache", own.cache)
	dims.add("Operation Name", own.operation)
	dims.add("Product Name", own.product)
	dims.add("Region", str(resource["cloud.region"]))
	dims.add("Service ID", own.service)
	dims.add("Service Name", own.host)
	dims.add("Service Type", "API Management")
	dims.add("Subscription Name", own.subscription)
	head := func(kind string) string {
		rate := &batch{}
		rate.number(100 / float64(max(own.weight, 1)))
		return `"name":"` + envelopeName(kind) + `","sampleRate":` + string(rate.lines) + `,"tags":{` + string(tags) + `,"ai.operation.id":"`
	}
	body := func(kind string) string {
		return `"},"data":{"baseType":"` + kind + `","baseData":{"ver":2,"properties":{` + string(dims)
	}
	s.request, s.dependency, s.exception = head(requestData), head(dependencyData), head(exceptionData)
	s.toRequest, s.toDependency, s.toException = body(requestData), body(dependencyData), body(exceptionData)
	return s
}

// pairs are members of a JSON object; empty texts are left out.
type pairs []byte

func (p *pairs) add(name, value string) {
	if value == "" {
		return
	}
	if len(*p) > 0 {
		*p = append(*p, ',')
	}
	*p = telemetry.AppendJSON(append(telemetry.AppendJSON(*p, name), ':'), clip(value, maxValue))
}

// gatewayRow is a row with the numbers of the ids that its items repeat.
type gatewayRow struct {
	*telemetry.Span
	shape             *shape
	trace, id, ticket int // ticket is the id of the request that people ask for
	user, pseudo      string
	source            string
}

// gateway adds the items of a request through the gateway: the request, a
// dependency for each call, and an exception when it failed.
func (b *batch) gateway(s *telemetry.Span) {
	b.members = readMembers(b.members[:0], s.Attributes)
	r := gatewayRow{Span: s, trace: -1, id: -1, ticket: -1, user: b.attribute("enduser.id"), pseudo: b.attribute("enduser.pseudo.id")}
	if s.Tags != "" {
		r.source = str(parsed(s.Tags)["source"])
	}
	key := shapeKey{name: first(s.Name, requestName(s)), service: s.Service, instance: s.Instance, resource: s.Resource, host: s.Host, api: s.API, revision: s.APIRevision,
		operation: s.Operation, product: s.Product, subscription: s.Subscription, kind: b.attribute("gatehouse.api.type"), cache: "None", weight: s.SampleWeight, masked: s.ClientIP == ""}
	if b.attribute("gatehouse.cache_hit") == "true" {
		key.cache = "Hit"
	}
	r.shape = b.shape(&key)
	b.gatewayRequest(&r)
	b.gatewayCalls(&r)
	b.gatewayFailure(&r)
}

// opening writes what stands before an item's own dimensions.
func (b *batch) opening(r *gatewayRow, at int64, head, body, parent string, ofRequest bool) {
	b.time(at)
	b.constant(head)
	b.id(&r.trace, r.TraceID)
	switch {
	case ofRequest:
		b.constant(`","ai.operation.parentId":"`)
		b.id(&r.id, r.SpanID)
	case parent != "":
		b.constant(`","ai.operation.parentId":"`)
		b.lines = telemetry.AppendJSONText(b.lines, parent)
	}
	b.tag("ai.location.ip", r.ClientIP)
	b.tag("ai.user.id", r.pseudo)
	b.tag("ai.user.authUserId", r.user)
	b.constant(body)
	if r.RequestID != "" {
		b.constant(`,"Request Id":"`)
		b.id(&r.ticket, r.RequestID)
		b.lines = append(b.lines, '"')
	}
}

// id writes one that the row's items repeat.
func (b *batch) id(number *int, text string) {
	switch {
	case *number >= 0:
		b.again(*number)
	case telemetry.PlainJSON(text) == len(text):
		*number = b.define(text)
	default:
		b.lines = telemetry.AppendJSONText(b.lines, text)
	}
}

// tag adds one to the tags, of which the last text is open.
func (b *batch) tag(name, value string) {
	if value == "" {
		return
	}
	b.scratch = append(append(append(b.scratch[:0], `","`...), name...), `":"`...)
	b.scratch = telemetry.AppendJSONText(b.scratch, value)
	b.scratched()
}

// time opens an item with its time. The minute is a constant.
func (b *batch) time(ns int64) {
	const minute = int64(time.Minute)
	at := time.Unix(0, ns).Unix() / 60
	rest := ns - at*minute
	if b.stamp == "" || at != b.minute || rest < 0 {
		b.minute, b.stamp = at, time.Unix(0, ns).UTC().Format(`"time":"2006-01-02T15:04:`)
	}
	if rest < 0 { // before 1970
		b.lines = time.Unix(0, ns).UTC().AppendFormat(b.lines, `"time":"2006-01-02T15:04:05.0000000Z",`)
		b.stamp = ""
		return
	}
	b.constant(b.stamp)
	b.lines = append(padded(b.lines, rest/int64(time.Second), 2), '.')
	b.lines = append(padded(b.lines, rest%int64(time.Second)/100, 7), `Z",`...)
}

func (b *batch) gatewayRequest(r *gatewayRow) {
	s := r.Span
	var cut cuts
	name, url := s.Method+" "+s.Path, s.Data
	if url == "" {
		url = composed(s)
	}
	name, url = cut.text("name", name, 1024), cut.text("url", url, 2048)
	code := cut.text("responseCode", b.requestCode(s), 1024)
	b.opening(r, s.Time, r.shape.request, r.shape.toRequest, s.ParentSpanID, false)
	b.method(s.Method)
	for n := range b.members {
		m := &b.members[n]
		if !strings.HasPrefix(m.name, backendPrefix) && m.name != "gatehouse.cache_hit" {
			b.property(m, m.name, &cut)
		}
	}
	b.marked(cut)
	b.scratch = telemetry.AppendJSON(append(b.scratch[:0], `},"name":`...), name)
	b.scratch = telemetry.AppendJSON(append(b.scratch, `,"responseCode":`...), code)
	b.scratch = strconv.AppendBool(append(b.scratch, `,"success":`...), requestSuccess(s))
	if url != "" {
		b.scratch = telemetry.AppendJSON(append(b.scratch, `,"url":`...), url)
	}
	if r.source != "" {
		b.scratch = telemetry.AppendJSON(append(b.scratch, `,"source":`...), clip(r.source, 1024))
	}
	b.scratch = append(b.scratch, `,"duration":"`...)
	b.scratched()
	b.lines = appendTimespan(b.lines, time.Duration(s.Duration))
	b.constant(`","id":"`)
	b.id(&r.id, clip(s.SpanID, 512))
	b.scratch = strconv.AppendInt(append(b.scratch[:0], `","measurements":{"Request Size":`...), s.RequestBytes, 10)
	b.scratch = strconv.AppendInt(append(b.scratch, `,"Response Size":`...), s.ResponseBytes, 10)
	b.scratch = append(b.scratch, `,"Client Time (in ms)":`...)
	b.scratched()
	b.number(float64(max(s.Duration-s.BackendTime-s.PolicyTime, 0)) / 1e6)
	b.constant("}}}}\n")
	b.end()
}

func (b *batch) requestCode(s *telemetry.Span) string {
	if s.ResultCode == "" && s.Outcome != "client-closed" && s.StatusCode <= 0 {
		return first(b.attribute("rpc.grpc.status_code"), "0")
	}
	return requestCode(s, nil)
}

func (b *batch) method(method string) {
	if method == "" {
		return
	}
	b.scratch = telemetry.AppendJSON(append(b.scratch[:0], `,"HTTP Method":`...), method)
	b.scratched()
}

// gatewayCalls adds a dependency for each attempt to reach a backend.
func (b *batch) gatewayCalls(r *gatewayRow) {
	last := int32(0)
	for n := range r.Calls {
		if c := &r.Calls[n]; c.Source == "forward-request" {
			last = max(last, c.Attempt)
		}
	}
	for n := range r.Calls {
		c := &r.Calls[n]
		b.gatewayCall(r, c, c.Source == "forward-request" && c.Attempt == last)
	}
}

func (b *batch) gatewayCall(r *gatewayRow, c *telemetry.CallRow, answered bool) {
	var cut cuts
	name, data, target := cut.text("name", c.Method+" "+pathOf(c.URL), 1024), cut.text("data", c.URL, 8192), cut.text("target", c.Target, 1024)
	b.opening(r, r.Time+c.Offset, r.shape.dependency, r.shape.toDependency, "", true)
	b.method(c.Method)
	for n := range b.members {
		if rest, ok := strings.CutPrefix(b.members[n].name, backendPrefix); ok && answered {
			b.property(&b.members[n], rest, &cut)
		}
	}
	b.marked(cut)
	b.scratch = telemetry.AppendJSON(append(b.scratch[:0], `},"name":`...), name)
	b.scratch = strconv.AppendInt(append(b.scratch, `,"resultCode":"`...), int64(c.Status), 10)
	b.scratch = strconv.AppendBool(append(b.scratch, `","success":`...), (c.Outcome == "ok" || c.Outcome == "returned") && c.Status >= 1 && c.Status < 400)
	if data != "" {
		b.scratch = telemetry.AppendJSON(append(b.scratch, `,"data":`...), data)
	}
	if target != "" {
		b.scratch = telemetry.AppendJSON(append(b.scratch, `,"target":`...), target)
	}
	b.scratch = append(b.scratch, `,"type":"`+callType+`","duration":"`...)
	b.scratched()
	b.lines = appendTimespan(b.lines, time.Duration(c.Duration))
	b.constant(`","id":"`)
	b.lines = telemetry.AppendJSONText(b.lines, clip(callID(r.Span, c), 512))
	b.constant("\"}}}\n")
	b.end()
}

// gatewayFailure adds the exception of a request that failed.
func (b *batch) gatewayFailure(r *gatewayRow) {
	s := r.Span
	if s.Outcome != "client-closed" && s.ErrorReason == "" && s.StatusCode < 400 {
		return
	}
	var cut cuts
	reason, problem, message := describe(s)
	problem = cut.text("problemId", problem, 1024)
	b.opening(r, s.Time+s.Duration, r.shape.exception, r.shape.toException, "", true)
	b.method(s.Method)
	for n := range b.members {
		m := &b.members[n]
		if !strings.HasPrefix(m.name, backendPrefix) && m.name != "gatehouse.cache_hit" {
			b.property(m, m.name, &cut)
		}
	}
	b.marked(cut)
	b.scratch = telemetry.AppendJSON(append(b.scratch[:0], `},"severityLevel":"Error","problemId":`...), problem)
	b.scratch = append(b.scratch, `,"exceptions":[`...)
	b.scratched()
	thrown := object{"id": 1, "outerId": 0, "typeName": clip(reason, 1024), "message": clip(message, 32768), "hasFullStack": s.ErrorWhere != ""}
	if s.ErrorWhere != "" {
		thrown["parsedStack"] = []object{{"level": 0, "method": clip(s.ErrorWhere, 1024)}}
	}
	b.value(thrown)
	b.constant("]}}}\n")
	b.end()
}

func describe(s *telemetry.Span) (reason, problem, message string) {
	const left = "ClientConnectionFailure"
	switch {
	case s.Outcome == "client-closed" || s.ErrorReason == left:
		if s.ErrorSource == "" || s.ErrorSource == "gateway" {
			return left, left + " at transfer-response", "A task was canceled."
		}
		return left, left + " at " + s.ErrorSource, "The operation was canceled."
	case s.ErrorReason != "" && s.ErrorSource != "":
		return s.ErrorReason, s.ErrorReason + " at " + s.ErrorSource, first(s.ErrorMessage, s.ErrorReason)
	case s.ErrorReason != "":
		return s.ErrorReason, s.ErrorReason, first(s.ErrorMessage, s.ErrorReason)
	}
	where := "gateway"
	switch {
	case s.Outcome == "returned":
		where = "return-response"
	case len(s.Calls) > 0:
		where = "forward-request"
	}
	code := strconv.Itoa(int(s.StatusCode))
	return code, code + " at " + where, first(http.StatusText(int(s.StatusCode)), "HTTP "+code)
}
