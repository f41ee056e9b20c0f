// The classic SDK with live metrics: requests all the time, one in two a failure.
const sdk = require('applicationinsights2')
sdk.setup(process.env.CONNECTION_STRING).setSendLiveMetrics(true).setAutoCollectConsole(false)
// For live metrics this SDK takes the port of LiveEndpoint for a part of the
// host's name. An agent, which is among its options, has the port.
const live = new URL(/LiveEndpoint=([^;]+)/.exec(process.env.CONNECTION_STRING)[1])
sdk.defaultClient.config.httpsAgent = new (require('https').Agent)({ host: live.hostname, port: live.port })
sdk.defaultClient.context.tags[sdk.defaultClient.context.keys.cloudRole] = 'shop'
sdk.start()
let n = 0
setInterval(() => {
  const success = n++ % 2 === 1
  sdk.defaultClient.trackRequest({ name: 'GET /shop', url: 'https://shop.contoso.com/shop', duration: 5, resultCode: success ? '200' : '500', success })
  sdk.defaultClient.trackDependency({ name: 'GET /stock', target: 'stock.internal', data: 'http://stock.internal/stock', dependencyTypeName: 'Http', duration: 7, resultCode: '200', success: true })
  if (!success) sdk.defaultClient.trackException({ exception: new TypeError('it broke') })
}, 100)
