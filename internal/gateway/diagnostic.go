package gateway

import (
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

// compileDiagnostics gives the diagnostics of an API: its own override those of
// the service.
func compileDiagnostics(s *apim.Service, a *apim.API) []*telemetry.Diagnostic {
	list := s.Diagnostics
	if a != nil && len(a.Diagnostics) > 0 {
		list = a.Diagnostics
	}
	var out []*telemetry.Diagnostic
	for _, d := range list {
		out = append(out, compileDiagnostic(d))
	}
	return out
}

func compileDiagnostic(d *apim.Diagnostic) *telemetry.Diagnostic {
	out := &telemetry.Diagnostic{
		ID: d.ID, Logger: d.Logger, Sampling: d.Sampling, AlwaysLogErrors: d.AlwaysLogErrors, LogClientIP: d.LogClientIP,
		Metrics: d.Metrics, URLOperationNames: strings.EqualFold(d.OperationName, "Url"), Verbosity: telemetry.SeverityInformation,
		FrontendRequest: captureRule(d.FrontendRequest), FrontendResponse: captureRule(d.FrontendResponse),
		BackendRequest: captureRule(d.BackendRequest), BackendResponse: captureRule(d.BackendResponse),
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
	// Azure logs query values unless dataMasking says otherwise; here an
	// explicit mask list is the sign that the owner thought about them.
	out.KeepQuery = len(d.FrontendRequest.MaskQuery) > 0
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
