/** The queries of the console, as text. Metric and label names are those of the gateway. */
const REQUESTS = 'http_server_request_duration_seconds'
const SENT = 'http_server_response_body_bytes_total'

/** A text as a PromQL string. */
export function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

/** Label matchers in braces; empty when there are none. */
export function selector(...matchers: (string | undefined)[]): string {
  const set = matchers.filter((matcher) => matcher !== undefined)
  return set.length === 0 ? '' : `{${set.join(',')}}`
}

const byAPI = (api: string | undefined) => (api === undefined ? undefined : `gatehouse_api=${quote(api)}`)
const FAILED = 'http_response_status_code=~"5.."'

/** Seconds over which a chart's rates are taken: at least a minute, at least a step. */
export function rateWindow(step: number): string {
  return `${Math.max(60, step)}s`
}

export type Grouping = 'gatehouse_api' | 'nothing'

const sum = (by: Grouping, inner: string) => (by === 'nothing' ? `sum(${inner})` : `sum by (${by}) (${inner})`)

export function requestRate(by: Grouping, over: string, api?: string): string {
  return sum(by, `rate(${REQUESTS}_count${selector(byAPI(api))}[${over}])`)
}

export function errorRatio(by: Grouping, over: string, api?: string): string {
  const failed = sum(by, `rate(${REQUESTS}_count${selector(byAPI(api), FAILED)}[${over}])`)
  const all = requestRate(by, over, api)
  // Without "or", an API that never failed has no failed series and no ratio.
  return `(${failed} or ${all} * 0) / ${all}`
}

/** Seconds. */
export function quantile(q: number, by: Grouping, over: string, api?: string): string {
  const group = by === 'nothing' ? 'le' : `${by}, le`
  return `histogram_quantile(${q}, sum by (${group}) (rate(${REQUESTS}_bucket${selector(byAPI(api))}[${over}])))`
}

/** Response body bytes a second. */
export function bytesSent(by: Grouping, over: string, api?: string): string {
  return sum(by, `rate(${SENT}${selector(byAPI(api))}[${over}])`)
}
