package apiops

import (
	"strconv"
	"strings"

	"gatehouse/internal/apim"
)

func (l *loader) loggers() {
	for _, id := range l.files.children("loggers/") {
		n, ok := l.info("loggers", id, "loggers/"+id+"/loggerInformation.json")
		if !ok {
			continue
		}
		g := &apim.Logger{
			ID: id, Type: l.enum(n, "applicationInsights", []string{"applicationInsights", "azureEventHub", "azureMonitor"}, "loggerType"),
			Description: l.str(n, "description"), ResourceID: l.str(n, "resourceId"), IsBuffered: l.boolean(n, true, "isBuffered"),
		}
		for _, m := range n.get("credentials").members {
			if g.Credentials == nil {
				g.Credentials = map[string]string{}
			}
			g.Credentials[m.name] = l.loggerCredential(m.value)
		}
		l.service.Loggers = append(l.service.Loggers, g)
	}
}

// loggerCredential resolves a named value. Azure keeps credentials as generated
// named values that an extract leaves out: these stay as they are written.
func (l *loader) loggerCredential(n *node) string {
	s := l.str(n)
	for _, m := range reference.FindAllStringSubmatch(s, -1) {
		if _, ok := l.values[fold(m[1])]; !ok {
			return s
		}
	}
	return l.resolve(n, s)
}

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
		out = append(out, l.diagnostic(id, n))
	}
	return out
}

func (l *loader) diagnostic(id string, n *node) *apim.Diagnostic {
	d := &apim.Diagnostic{
		ID: id, Logger: lastSegment(l.str(n, "loggerId")), Sampling: 100,
		AlwaysLogErrors: l.enum(n, "", []string{"allErrors"}, "alwaysLog") != "",
		Verbosity:       l.enum(n, "", []string{"verbose", "information", "error"}, "verbosity"),
		LogClientIP:     l.boolean(n, false, "logClientIp"), Metrics: l.boolean(n, false, "metrics"),
		Correlation:   l.enum(n, "", []string{"Legacy", "None", "W3C"}, "httpCorrelationProtocol"),
		OperationName: l.enum(n, "", []string{"Name", "Url"}, "operationNameFormat"),
	}
	if p := n.get("sampling", "percentage"); p.kind != null {
		v, err := strconv.ParseFloat(p.text, 64)
		if err != nil || !(v >= 0 && v <= 100) {
			l.fail(p.at, "sampling.percentage must be a number from 0 to 100")
		} else {
			d.Sampling = v
		}
	}
	d.FrontendRequest, d.FrontendResponse = l.capture(n.get("frontend", "request")), l.capture(n.get("frontend", "response"))
	d.BackendRequest, d.BackendResponse = l.capture(n.get("backend", "request")), l.capture(n.get("backend", "response"))
	known := false
	for _, g := range l.service.Loggers {
		if strings.EqualFold(g.ID, d.Logger) {
			d.Logger, known = g.ID, true
		}
	}
	if !known {
		l.fail(n.get("loggerId").at, "the diagnostic %q refers to the logger %q, which does not exist", id, clip(d.Logger))
	}
	return d
}

func (l *loader) capture(n *node) apim.Capture {
	return apim.Capture{
		Headers: l.strings(n, "headers"), BodyBytes: l.integer(n, 0, 0, 8192, "body", "bytes"),
		MaskHeaders: l.masks(n, "headers"), MaskQuery: l.masks(n, "queryParams"),
	}
}

func (l *loader) masks(n *node, kind string) []apim.Mask {
	var out []apim.Mask
	for _, m := range l.list(n, "dataMasking", kind) {
		out = append(out, apim.Mask{Name: l.str(m, "value"), Mode: l.enum(m, "Mask", []string{"Mask", "Hide"}, "mode")})
	}
	return out
}
