// The current Node SDK sends one item of each type.
if (process.env.SOON) require('./soon.cjs')
const sdk = require('applicationinsights')
const client = new sdk.TelemetryClient(process.env.CONNECTION_STRING)
client.initialize()
const http = require('http')
const server = http.createServer((_, answer) => answer.writeHead(404).end()).listen(0, '127.0.0.1', () => {
  http.get(`http://127.0.0.1:${server.address().port}/seen?x=1`, (answer) => answer.resume())
})
const properties = { tier: 'gold' }
client.trackRequest({ id: '0000000000000001', name: 'GET /shop', url: 'https://shop.contoso.com/shop?x=1', duration: 12.5, resultCode: '404', success: false, properties })
client.trackDependency({ id: '0000000000000002', name: 'GET /stock', target: 'stock.internal', data: 'http://stock.internal/stock', dependencyTypeName: 'Http', duration: 7, resultCode: '200', success: true, properties })
client.trackException({ exception: new TypeError('it broke'), properties })
client.trackTrace({ message: 'a message', severity: 'Warning', properties })
client.trackEvent({ name: 'bought', properties })
client.trackMetric({ name: 'queue', value: 10, properties })
client.trackAvailability({ id: 'a1', name: 'ping', duration: 55, success: true, runLocation: 'node-1', message: 'Passed', properties })
client.trackPageView({ id: 'pv1', name: 'Home', url: 'https://shop/', duration: 812.5, properties })
// Kept items go with the next that are taken: a service always has some.
const { SpanKind, trace, metrics } = require('@opentelemetry/api')
const flush = () => {
  client.trackEvent({ name: 'beat' })
  trace.getTracer('beat').startSpan('beat', { kind: SpanKind.INTERNAL }).end()
  metrics.getMeter('beat').createCounter('beat').add(1)
  return client.flush().catch(() => {})
}
flush()
setInterval(flush, 300)
