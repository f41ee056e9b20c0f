package gateway

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

// diagnostics gives those that apply to an API. One of its own replaces that of
// the service with the same id as a whole, field by field nothing is taken
// over. With Multiplex both apply, when their loggers differ.
func (k *compilation) diagnostics(a *apim.API) []*telemetry.Diagnostic {
	var own []*apim.Diagnostic
	if a != nil {
		own = a.Diagnostics
	}
	list := slices.Clone(own)
	for _, d := range k.service.Diagnostics {
		i := slices.IndexFunc(own, func(o *apim.Diagnostic) bool { return strings.EqualFold(o.ID, d.ID) })
		if i < 0 || k.options.Multiplex && !strings.EqualFold(own[i].Logger, d.Logger) {
			list = append(list, d)
		}
	}
	var out []*telemetry.Diagnostic
	for n, d := range list {
		scope := ""
		if n < len(own) {
			scope = a.ID
		}
		out = append(out, k.diagnostic(d, scope))
	}
	// Application Insights' own comes first: it says how requests are correlated.
	slices.SortStableFunc(out, func(x, y *telemetry.Diagnostic) int { return rank(x) - rank(y) })
	return out
}

func rank(d *telemetry.Diagnostic) int {
	if strings.EqualFold(d.ID, "applicationinsights") {
		return 0
	}
	return 1
}

// diagnostic compiles one, once for all endpoints.
func (k *compilation) diagnostic(d *apim.Diagnostic, scope string) *telemetry.Diagnostic {
	if out := k.compiled[d]; out != nil {
		return out
	}
	out := &telemetry.Diagnostic{
		ID: d.ID, Logger: d.Logger, Scope: scope, Sampling: d.Sampling, AlwaysLogErrors: d.AlwaysLogErrors, LogClientIP: d.LogClientIP,
		Metrics: d.Metrics, URLOperationNames: strings.EqualFold(d.OperationName, "Url"), Verbosity: telemetry.SeverityInformation,
		FrontendRequest: captureRule(d.FrontendRequest), FrontendResponse: captureRule(d.FrontendResponse),
		BackendRequest: captureRule(d.BackendRequest), BackendResponse: captureRule(d.BackendResponse),
		// As in Azure, whose requests show the whole URL but for what is masked.
		KeepQuery: true,
	}
	switch strings.ToLower(d.Verbosity) {
	case "verbose":
		out.Verbosity = telemetry.SeverityVerbose
	case "error":
		out.Verbosity = telemetry.SeverityError
	}
	switch strings.ToLower(d.Correlation) {
	case "legacy":
		out.Correlation = telemetry.CorrelationLegacy
	case "none":
		out.Correlation = telemetry.CorrelationNone
	}
	k.compiled[d] = out
	return out
}

func captureRule(c apim.Capture) telemetry.CaptureRule {
	return telemetry.CaptureRule{Headers: c.Headers, BodyBytes: c.BodyBytes, MaskHeaders: masks(c.MaskHeaders), MaskQuery: masks(c.MaskQuery)}
}

func masks(list []apim.Mask) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]string, len(list))
	for _, m := range list {
		out[strings.ToLower(m.Name)] = strings.ToLower(m.Mode)
	}
	return out
}

// correlation is the protocol of an endpoint, and what it says of itself in
// Request-Context.
func (k *compilation) correlation(e *telemetry.Endpoint) {
	if len(e.Diagnostics) == 0 {
		return
	}
	d := e.Diagnostics[0]
	e.Correlation = d.Correlation
	if k.options.Application == nil || d.Correlation != telemetry.CorrelationLegacy {
		return
	}
	if id := k.options.Application(k.logger(d.Logger)); plainID(id) {
		e.RequestContext = applicationPrefix + id
	}
}

func (k *compilation) logger(id string) *apim.Logger {
	for _, g := range k.service.Loggers {
		if strings.EqualFold(g.ID, id) {
			return g
		}
	}
	return &apim.Logger{ID: id}
}

// metricSteps are the statements that make custom metrics.
var metricSteps = []string{"emit-metric", "llm-emit-token-metric", "azure-openai-emit-token-metric"}

// switchOfMetrics names what is missing for the custom metrics of an endpoint to
// become rows of its loggers; "" when nothing is, or there are none.
func switchOfMetrics(e *telemetry.Endpoint) string {
	if e.Pipeline == nil || !slices.ContainsFunc(e.Pipeline.Steps, func(s telemetry.StepInfo) bool { return slices.Contains(metricSteps, s.Name) }) {
		return ""
	}
	switch {
	case len(e.Diagnostics) == 0:
		return "the policy makes custom metrics, and no diagnostic of the API or the service has a logger for them: they reach Prometheus metrics only"
	case !slices.ContainsFunc(e.Diagnostics, func(d *telemetry.Diagnostic) bool { return d.Metrics }):
		return "the policy makes custom metrics, and the diagnostic " + e.Diagnostics[0].ID + ` does not have "metrics": true: they reach Prometheus metrics only`
	}
	return ""
}
