// The classic Node SDK sends one item of each type.
const sdk = require('applicationinsights2')
const client = new sdk.TelemetryClient(process.env.CONNECTION_STRING)
client.config.maxBatchIntervalMs = 200
client.channel.setUseDiskRetryCaching(true, 300)
client.context.tags[client.context.keys.cloudRole] = 'shop'
client.context.tags[client.context.keys.operationId] = '4bf92f3577b34da6a3ce929d0e0e4736'
const properties = { tier: 'gold' }
client.trackRequest({ id: '0000000000000001', name: 'GET /shop', url: 'https://shop.contoso.com/shop?x=1', duration: 12.5, resultCode: '404', success: false, properties, measurements: { items: 3 } })
client.trackDependency({ id: '0000000000000002', name: 'GET /stock', target: 'stock.internal', data: 'http://stock.internal/stock', dependencyTypeName: 'Http', duration: 7, resultCode: '200', success: true, properties })
client.trackException({ exception: new TypeError('it broke'), properties })
client.trackTrace({ message: 'a message', severity: sdk.Contracts.SeverityLevel.Warning, properties })
client.trackEvent({ name: 'bought', properties, measurements: { price: 9.5 } })
client.trackMetric({ name: 'queue', value: 10, count: 4, min: 1, max: 5, properties })
client.trackAvailability({ id: 'a1', name: 'ping', duration: 55, success: true, runLocation: 'node-1', message: 'Passed', properties })
client.trackPageView({ id: 'pv1', name: 'Home', url: 'https://shop/', duration: 812.5, properties })
// Kept items go with the next that are taken: a service always has some.
setInterval(() => {
  client.trackEvent({ name: 'beat' })
  client.flush()
}, 300)
