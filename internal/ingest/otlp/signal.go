package otlp

// signal is one of the three kinds of OTLP requests.
type signal int

const (
	traces signal = iota
	logs
	metrics
	signals
)

func (s signal) String() string { return [signals]string{"traces", "logs", "metrics"}[s] }

// items is what a request of the signal holds, as named to senders.
func (s signal) items() string { return [signals]string{"spans", "log records", "data points"}[s] }

// service is the full name of the gRPC service.
func (s signal) service() string {
	return [signals]string{
		"opentelemetry.proto.collector.trace.v1.TraceService",
		"opentelemetry.proto.collector.logs.v1.LogsService",
		"opentelemetry.proto.collector.metrics.v1.MetricsService",
	}[s]
}

func (s signal) path() string { return "/v1/" + s.String() }
