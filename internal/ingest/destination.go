package ingest

import (
	"slices"

	"gatehouse/internal/telemetry"
)

// Destination is where the rows of a logger go. The zero value is the default
// workspace, values of custom metrics only.
type Destination struct {
	// Workspace of this process: rows carry its name and go to Options.Rows.
	Workspace  string
	Dimensions bool // custom metrics keep their dimensions there
	// Rows, when not nil, is the only writer that gets the rows: an export. It is
	// told apart by identity, so one logger must keep one value over its life, also
	// when its key changes.
	Rows telemetry.Rows
	Off  bool // nothing of the logger is written
}

// Sources of the gateway's rows. A copy is the same request in a second
// workspace: readers that look at all workspaces leave it out.
const (
	sourceGateway = "gateway"
	sourceCopy    = "gateway-copy"
)

// maxRoutes bounds the destinations of one endpoint: the gateway compiles two
// diagnostics of a kind at most.
const maxRoutes = 8

// route is one destination of an endpoint's rows, with what the diagnostics
// that lead there want. What one of them keeps is kept.
type route struct {
	to         Destination
	source     string
	view       view
	percent    float64
	errors     bool      // all failed requests are kept
	failedOnly bool      // and no others
	metrics    bool      // rows of custom metrics
	cap        *dailyCap // of the workspace; nil: none
	costs      []*diagnosticCost
}

// routes groups the diagnostics of an endpoint by destination: two loggers of
// one workspace never write twice. Without diagnostics everything goes to the
// default workspace.
func (o *Options) routes(list []*telemetry.Diagnostic) []*route {
	if len(list) == 0 {
		return []*route{{to: Destination{Dimensions: true}, source: sourceGateway, view: viewOf(nil), percent: 100}}
	}
	var out []*route
	var groups [][]*telemetry.Diagnostic
	for _, d := range list {
		to := o.destination(d.Logger)
		if to.Off {
			continue
		}
		at := slices.IndexFunc(out, func(r *route) bool { return r.to.Rows == to.Rows && r.to.Workspace == to.Workspace })
		if at < 0 {
			if len(out) == maxRoutes {
				continue
			}
			at = len(out)
			out, groups = append(out, &route{to: to, source: sourceGateway}), append(groups, nil)
		}
		groups[at] = append(groups[at], d)
	}
	first := true
	for n, r := range out {
		r.join(groups[n], !o.VerbosityOfTraces)
		if r.to.Rows == nil && !first {
			r.source = sourceCopy
		}
		first = first && r.to.Rows != nil
	}
	return out
}

func (o *Options) destination(logger string) Destination {
	if o.Destination == nil {
		return Destination{Dimensions: true}
	}
	return o.Destination(logger)
}

func (r *route) join(list []*telemetry.Diagnostic, verbosityLimits bool) {
	r.view, r.failedOnly = viewOf(list), verbosityLimits
	for _, d := range list {
		r.percent = max(r.percent, min(d.Sampling, 100))
		r.errors = r.errors || d.AlwaysLogErrors
		r.metrics = r.metrics || d.Metrics
		r.failedOnly = r.failedOnly && d.Verbosity >= telemetry.SeverityError
	}
}

// view is what the diagnostics of a route allow to be stored.
type view struct {
	verbosity telemetry.Severity
	clientIP  bool
	urlNames  bool
}

// viewOf joins the diagnostics: what one of them keeps is kept.
func viewOf(list []*telemetry.Diagnostic) view {
	if len(list) == 0 {
		return view{verbosity: telemetry.SeverityVerbose, clientIP: true}
	}
	v := view{verbosity: telemetry.SeverityError}
	for _, d := range list {
		v.verbosity = min(v.verbosity, d.Verbosity)
		v.clientIP = v.clientIP || d.LogClientIP
		v.urlNames = v.urlNames || d.URLOperationNames
	}
	return v
}
