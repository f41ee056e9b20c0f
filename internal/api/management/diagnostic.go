package management

import (
	"strings"

	"gatehouse/internal/apim"
)

// diagnostics say what loggers receive, for all APIs or for one.
func diagnostics() *kind {
	return &kind{
		name: "diagnostics", inAPI: true, prepare: prepareDiagnostic,
		list: func(s *apim.Service, a *apim.API) []entity {
			all := s.Diagnostics
			if a != nil {
				all = a.Diagnostics
			}
			var out []entity
			for _, d := range all {
				out = append(out, entity{id: d.ID, loggerID: d.Logger, properties: diagnosticProperties(d)})
			}
			return out
		},
		fields: map[string]string{"name": ""},
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// diagnosticProperties shows what holds, also where nothing was written.
func diagnosticProperties(d *apim.Diagnostic) map[string]any {
	p := map[string]any{
		"sampling":                map[string]any{"samplingType": "fixed", "percentage": d.Sampling},
		"verbosity":               orElse(d.Verbosity, "information"),
		"logClientIp":             d.LogClientIP,
		"httpCorrelationProtocol": orElse(d.Correlation, "W3C"),
		"operationNameFormat":     orElse(d.OperationName, "Name"),
		"metrics":                 d.Metrics,
	}
	if d.AlwaysLogErrors {
		p["alwaysLog"] = "allErrors"
	}
	for side, parts := range map[string][2]apim.Capture{"frontend": {d.FrontendRequest, d.FrontendResponse}, "backend": {d.BackendRequest, d.BackendResponse}} {
		shown := map[string]any{}
		for n, name := range []string{"request", "response"} {
			if c := captureProperties(&parts[n]); len(c) > 0 {
				shown[name] = c
			}
		}
		if len(shown) > 0 {
			p[side] = shown
		}
	}
	return p
}

func captureProperties(c *apim.Capture) map[string]any {
	out := map[string]any{}
	if len(c.Headers) > 0 {
		out["headers"] = c.Headers
	}
	if c.BodyBytes > 0 {
		out["body"] = map[string]any{"bytes": c.BodyBytes}
	}
	masking := map[string]any{}
	for name, list := range map[string][]apim.Mask{"headers": c.MaskHeaders, "queryParams": c.MaskQuery} {
		var shown []any
		for _, m := range list {
			shown = append(shown, map[string]any{"value": m.Name, "mode": m.Mode})
		}
		if shown != nil {
			masking[name] = shown
		}
	}
	if len(masking) > 0 {
		out["dataMasking"] = masking
	}
	return out
}

// prepareDiagnostic looks for the logger. Everything else is checked where
// diagnostics of the folder are.
func prepareDiagnostic(_ *Handler, next written, e, _ *entity, q *request) *fault {
	id, _ := lookup(e.properties, "loggerId").(string)
	if id == "" {
		return invalid("loggerId", "loggerId is required: the id of a logger of the service")
	}
	name := id[strings.LastIndexByte(id, '/')+1:]
	if _, written := next.key("loggers/" + name); written || loggers().find(q.service, "", name) != nil {
		return nil
	}
	return invalid("loggerId", "the logger '"+name+"' was not found")
}
