package apiops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

// diagnostics reads those of the service (parent "", folder "diagnostics/") or of an API.
func (l *loader) diagnostics(parent, folder string) []*apim.Diagnostic {
	var out []*apim.Diagnostic
	for _, id := range l.files.children(folder) {
		name := id
		if parent != "" {
			name = parent + "/" + id
		}
		n, ok := l.info("diagnostics", name, folder+id+"/diagnosticInformation.json")
		if !ok {
			continue
		}
		if l.files.laid(folder+id+"/diagnosticInformation.json") && !l.hasLogger(n) {
			l.warn(folder+id, "was written over the management API, and its logger does not exist any more: it is not used")
			continue
		}
		out = append(out, l.diagnostic(folder+id, id, n))
	}
	return out
}

func (l *loader) diagnostic(resource, id string, n *node) *apim.Diagnostic {
	l.resourceID(n, "diagnostic", id, 80)
	d := &apim.Diagnostic{
		ID: id, Logger: lastSegment(l.str(n, "loggerId")), Sampling: 100,
		AlwaysLogErrors: l.enum(n, "", []string{"allErrors"}, "alwaysLog") != "",
		Verbosity:       l.enum(n, "", []string{"verbose", "information", "error"}, "verbosity"),
		LogClientIP:     l.boolean(n, false, "logClientIp"), Metrics: l.boolean(n, false, "metrics"),
		Correlation:   l.enum(n, "", []string{"Legacy", "None", "W3C"}, "httpCorrelationProtocol"),
		OperationName: l.enum(n, "", []string{"Name", "Url"}, "operationNameFormat"),
	}
	l.enum(n, "fixed", []string{"fixed"}, "sampling", "samplingType")
	if p := n.get("sampling", "percentage"); p.kind != null {
		v, err := strconv.ParseFloat(p.text, 64)
		if err != nil || !(v >= 0 && v <= 100) {
			l.fail(p.at, "sampling.percentage must be a number from 0 to 100")
		} else {
			d.Sampling = v
		}
	}
	for _, one := range []struct {
		to         *apim.Capture
		side, part string
	}{{&d.FrontendRequest, "frontend", "request"}, {&d.FrontendResponse, "frontend", "response"}, {&d.BackendRequest, "backend", "request"}, {&d.BackendResponse, "backend", "response"}} {
		*one.to = l.capture(resource+" "+one.side+" "+one.part, n.get(one.side, one.part))
	}
	l.joinLogger(d, n)
	return d
}

// hasLogger tells whether the logger of a diagnostic is there; one that names
// none is left to the check.
func (l *loader) hasLogger(n *node) bool {
	name := lastSegment(l.str(n, "loggerId"))
	return name == "" || slices.ContainsFunc(l.service.Loggers, func(g *apim.Logger) bool { return strings.EqualFold(g.ID, name) })
}

// typeOf is the type of logger that a diagnostic with a well-known id must have.
var typeOf = map[string]string{"applicationinsights": apim.LoggerApplicationInsights, "azuremonitor": apim.LoggerMonitor}

// joinLogger finds the logger of a diagnostic and checks that they fit.
func (l *loader) joinLogger(d *apim.Diagnostic, n *node) {
	at := n.get("loggerId").at
	i := slices.IndexFunc(l.service.Loggers, func(g *apim.Logger) bool { return strings.EqualFold(g.ID, d.Logger) })
	switch {
	case d.Logger == "":
		l.fail(n.at, "the diagnostic %q has no loggerId", d.ID)
		return
	case i < 0:
		l.fail(at, "the diagnostic %q refers to the logger %q, which does not exist", d.ID, clip(d.Logger))
		return
	}
	g := l.service.Loggers[i]
	d.Logger = g.ID
	if want := typeOf[fold(d.ID)]; want != "" && g.Type != want {
		l.fail(at, "the diagnostic %q needs a logger of the type %s; %q is of the type %s", d.ID, want, g.ID, g.Type)
	}
	if d.Metrics && g.Type != apim.LoggerApplicationInsights {
		l.warn("diagnostics/"+d.ID, "metrics is for loggers of the type %s; %q is of the type %s", apim.LoggerApplicationInsights, g.ID, g.Type)
	}
}

// Body bytes that a diagnostic may keep: here, and in Azure.
const (
	maxCapture      = 64 << 10
	maxAzureCapture = 8192
)

func (l *loader) capture(resource string, n *node) apim.Capture {
	bytes := l.integer(n, 0, 0, maxCapture, "body", "bytes")
	switch {
	case bytes > l.options.MaxCapture:
		l.fail(n.get("body", "bytes").at, "body.bytes is %d; Azure takes at most %d, and so does the compat profile: telemetry.profile native takes %d", bytes, l.options.MaxCapture, maxCapture)
	case bytes > maxAzureCapture:
		l.warn(resource, "keeps %d bytes of a body; Azure takes at most %d. %s", bytes, maxAzureCapture, costOfBodies(bytes))
	case bytes > 0:
		l.warn(resource, "keeps %d bytes of a body. %s", bytes, costOfBodies(bytes))
	}
	return apim.Capture{
		Headers: l.strings(n, "headers"), BodyBytes: bytes,
		MaskHeaders: l.masks(n, "headers"), MaskQuery: l.masks(n, "queryParams"),
	}
}

// costOfBodies says what was measured.
func costOfBodies(bytes int) string {
	cost := telemetry.BodyCost(int64(bytes))
	return fmt.Sprintf("A body of that size takes about %s of processor time, where the rest of a request's record takes %s: %.1f %% of a core at 1,000 requests a second (docs/reference/telemetry-cost.md). 0 bytes keep none",
		cost.Round(100*time.Nanosecond), telemetry.CostOfRecord, float64(cost)/float64(time.Millisecond)*100)
}

func (l *loader) masks(n *node, kind string) []apim.Mask {
	var out []apim.Mask
	for _, m := range l.list(n, "dataMasking", kind) {
		out = append(out, apim.Mask{Name: l.str(m, "value"), Mode: l.enum(m, "Mask", []string{"Mask", "Hide"}, "mode")})
	}
	return out
}
