// The current Node SDK sends one item of each type.
if (process.env.SOON) require('./soon.cjs')
const sdk = require('applicationinsights')
const client = new sdk.TelemetryClient(process.env.CONNECTION_STRING)
client.config.samplingPercentage = 100
client.config.tracesPerSecond = 0
client.config.samplingRatio = 1
client.initialize?.()
const properties = { tier: 'gold' }
client.trackRequest({ id: '0000000000000001', name: 'GET /shop', url: 'https://shop.contoso.com/shop?x=1', duration: 12.5, resultCode: '404', success: false, properties })
client.trackDependency({ id: '0000000000000002', name: 'GET /stock', target: 'stock.internal', data: 'http://stock.internal/stock', dependencyTypeName: 'Http', duration: 7, resultCode: '200', success: true, properties })
client.trackException({ exception: new TypeError('it broke'), properties })
client.trackTrace({ message: 'a message', severity: 'Warning', properties })
client.trackEvent({ name: 'bought', properties })
client.trackMetric({ name: 'queue', value: 10, properties })
client.trackAvailability({ id: 'a1', name: 'ping', duration: 55, success: true, runLocation: 'node-1', message: 'Passed', properties })
client.trackPageView({ id: 'pv1', name: 'Home', url: 'https://shop/', duration: 812.5, properties })
const flush = () => client.flush().catch(() => {})
flush()
setInterval(flush, 300)
