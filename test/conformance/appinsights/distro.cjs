// The OpenTelemetry distribution sends one item of each type that it has.
if (process.env.SOON) require('./soon.cjs')
process.env.OTEL_SERVICE_NAME = 'shop'
const { useAzureMonitor } = require('@azure/monitor-opentelemetry')
useAzureMonitor({ azureMonitorExporterOptions: { connectionString: process.env.CONNECTION_STRING }, samplingRatio: 1, tracesPerSecond: 0, enableLiveMetrics: false })
const { trace, metrics, SpanKind, SpanStatusCode } = require('@opentelemetry/api')
const { logs, SeverityNumber } = require('@opentelemetry/api-logs')
const tracer = trace.getTracer('conformance')
const server = tracer.startSpan('GET /shop', { kind: SpanKind.SERVER, attributes: { 'http.request.method': 'GET', 'url.scheme': 'https', 'server.address': 'shop.contoso.com', 'url.path': '/shop', 'http.route': '/shop', 'http.response.status_code': 404, tier: 'gold' } })
const context = trace.setSpan(require('@opentelemetry/api').context.active(), server)
const call = tracer.startSpan('GET /stock', { kind: SpanKind.CLIENT, attributes: { 'http.request.method': 'GET', 'url.full': 'http://stock.internal/stock', 'server.address': 'stock.internal', 'http.response.status_code': 200, tier: 'gold' } }, context)
call.end()
server.recordException(new TypeError('it broke'))
server.setStatus({ code: SpanStatusCode.ERROR })
server.end()
const logger = logs.getLogger('conformance')
logger.emit({ body: 'a message', severityNumber: SeverityNumber.WARN, attributes: { tier: 'gold' }, context })
logger.emit({ body: 'x', attributes: { 'microsoft.custom_event.name': 'bought', tier: 'gold' } })
metrics.getMeter('conformance').createCounter('queue').add(10, { tier: 'gold' })
// Kept items go with the next that are taken: a service always has some.
const flush = () => {
  logger.emit({ body: 'x', attributes: { 'microsoft.custom_event.name': 'beat' } })
  tracer.startSpan('beat', { kind: SpanKind.INTERNAL }).end()
  metrics.getMeter('conformance').createCounter('beat').add(1)
  for (const provider of [trace.getTracerProvider().getDelegate?.() ?? trace.getTracerProvider(), logs.getLoggerProvider(), metrics.getMeterProvider()]) provider.forceFlush?.().catch(() => {})
}
flush()
setInterval(flush, 300)
