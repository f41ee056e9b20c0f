// The OpenTelemetry distribution with live metrics: requests all the time, one
// in two a failure.
process.env.OTEL_SERVICE_NAME = 'shop'
const { useAzureMonitor } = require('@azure/monitor-opentelemetry')
useAzureMonitor({ azureMonitorExporterOptions: { connectionString: process.env.CONNECTION_STRING }, samplingRatio: 1, tracesPerSecond: 0, enableLiveMetrics: true })
const { trace, SpanKind, SpanStatusCode } = require('@opentelemetry/api')
const tracer = trace.getTracer('conformance')
let n = 0
setInterval(() => {
  const failed = n++ % 2 === 0
  const attributes = { 'http.request.method': 'GET', 'url.scheme': 'https', 'server.address': 'shop.contoso.com', 'url.path': '/shop', 'http.route': '/shop', 'http.response.status_code': failed ? 500 : 200 }
  const span = tracer.startSpan('GET /shop', { kind: SpanKind.SERVER, attributes })
  const call = tracer.startSpan('GET /stock', { kind: SpanKind.CLIENT, attributes: { 'http.request.method': 'GET', 'url.full': 'http://stock.internal/stock', 'server.address': 'stock.internal', 'http.response.status_code': 200 } })
  call.end()
  if (failed) {
    span.recordException(new TypeError('it broke'))
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}, 100)
