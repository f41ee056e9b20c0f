import { expect, it } from 'vitest'
import { bytesSent, errorRatio, quantile, quote, requestRate } from './promql'

it('quotes what the user named', () => {
  expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"')
  expect(requestRate('gatehouse_api', '60s', 'x"} or up{a="')).toBe(
    'sum by (gatehouse_api) (rate(http_server_request_duration_seconds_count{gatehouse_api="x\\"} or up{a=\\""}[60s]))',
  )
})

it('writes the queries of Home', () => {
  expect(requestRate('nothing', '60s')).toBe('sum(rate(http_server_request_duration_seconds_count[60s]))')
  expect(quantile(0.95, 'gatehouse_api', '120s')).toBe(
    'histogram_quantile(0.95, sum by (gatehouse_api, le) (rate(http_server_request_duration_seconds_bucket[120s])))',
  )
  expect(errorRatio('nothing', '60s', 'orders')).toBe(
    '(sum(rate(http_server_request_duration_seconds_count{gatehouse_api="orders",http_response_status_code=~"5.."}[60s])) or ' +
      'sum(rate(http_server_request_duration_seconds_count{gatehouse_api="orders"}[60s])) * 0) / ' +
      'sum(rate(http_server_request_duration_seconds_count{gatehouse_api="orders"}[60s]))',
  )
  expect(bytesSent('gatehouse_api', '60s')).toBe('sum by (gatehouse_api) (rate(http_server_response_body_bytes_total[60s]))')
})
