/** Made-up answers of the APIs, the same for the same clock. Used by tests only. */
import type { Span, Trace, TraceLog } from '../src/api/trace.ts'
import type { TraceSummary } from '../src/api/traces.ts'

/** Numbers between 0 and 1 that depend on the seed alone. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const APIS = [
  { id: 'orders', name: 'Orders', path: '/orders', load: 21, base: 42, failing: 0.034 },
  { id: 'catalog', name: 'Catalog', path: '/catalog', load: 34, base: 11, failing: 0.0005 },
  { id: 'payments', name: 'Payments', path: '/payments', load: 8, base: 120, failing: 0.012 },
  { id: 'customers', name: 'Customers', path: '/customers', load: 12, base: 24, failing: 0 },
  { id: 'search', name: 'Search', path: '/search', load: 17, base: 65, failing: 0.004 },
  { id: 'assistant', name: 'Assistant', path: '/assistant', load: 2.4, base: 860, failing: 0.02 },
] as const

const OPERATIONS = ['list', 'get', 'create', 'cancel', 'update'] as const
const PRODUCTS = ['starter', 'pro', 'partner'] as const
const REASONS = ['BackendConnectionFailure', 'RateLimitExceeded', 'TokenInvalid', 'Timeout'] as const

export function status(now: number) {
  return {
    version: '0.1.0',
    service: 'demo-shop',
    gateway: ['http://127.0.0.1:8080'],
    started: new Date(now - 3_600_000).toISOString(),
    revision: { id: '7f3a91c2', loaded: new Date(now - 260_000).toISOString() },
    warnings: [{ resource: 'apis/assistant', message: 'policy llm-emit-token-metric: no logger is set; only the metric is kept' }],
    apis: APIS.map(({ id, name, path }) => ({ id, name, path, operations: OPERATIONS.length })),
  }
}

export function catalog() {
  return {
    services: ['demo-shop', 'orders', 'customers'].map((name) => ({ name, spans: 100, errors: 3, operations: [] })),
    apis: APIS.map(({ id, name }) => ({ id, name, requests: 100, errors: 3, operations: OPERATIONS.map((operation) => `${operation}-${id}`) })),
    products: [...PRODUCTS],
    subscriptions: [1, 2, 3, 4, 5].map((n) => `customer-${n}`),
  }
}

export function alerts(now: number) {
  const alert = (name: string, severity: string, api: string, summary: string, minutes: number) => ({
    fingerprint: name + api,
    labels: { alertname: name, severity, gatehouse_api: api },
    annotations: { summary },
    startsAt: new Date(now - minutes * 60_000).toISOString(),
    endsAt: new Date(now + 60_000).toISOString(),
    updatedAt: new Date(now).toISOString(),
    receivers: [{ name: 'default' }],
    status: { state: 'active', silencedBy: [], inhibitedBy: [] },
  })
  return [
    alert('LatencyHigh', 'warning', 'assistant', 'p95 above 2 s for 5 minutes', 12),
    alert('ErrorBudgetBurn', 'critical', 'orders', '3.4% of requests fail; the budget of 30 days lasts 9 hours', 4),
  ]
}

/** One trace summary for each n; the newest is n = 0. */
export function summary(n: number, now: number): TraceSummary {
  const next = random(n + 17)
  const api = APIS[Math.floor(next() * APIS.length)] ?? APIS[0]
  const operation = OPERATIONS[Math.floor(next() * OPERATIONS.length)] ?? 'get'
  const bad = next() < 0.12
  const duration = api.base * (0.4 + Math.exp(next() * 2.6) / 4) * (bad ? 2.5 : 1)
  const code = bad ? (next() < 0.7 ? 502 : 500) : next() < 0.06 ? 429 : 200
  return {
    trace_id: (n + 1).toString(16).padStart(4, '0').repeat(8),
    root_name: `${operation === 'create' ? 'POST' : 'GET'} ${api.path}${operation === 'list' ? '' : '/{id}'}`,
    service: 'demo-shop',
    api: api.id,
    operation: `${operation}-${api.id}`,
    product: PRODUCTS[Math.floor(next() * 3)] ?? 'starter',
    subscription: `customer-${Math.floor(next() * 5) + 1}`,
    http_status: code,
    status: bad ? 'error' : 'ok',
    outcome: bad ? 'error' : code === 429 ? 'returned' : 'ok',
    error_reason: bad ? (REASONS[Math.floor(next() * REASONS.length)] ?? '') : '',
    start: new Date(now - n * 900 - next() * 500).toISOString(),
    duration_ms: Number(duration.toFixed(3)),
    spans: 9 + Math.floor(next() * 20),
    errors: bad ? 2 : 0,
  }
}

function span(part: Partial<Span> & Pick<Span, 'span_id' | 'name' | 'start_ms' | 'duration_ms'>): Span {
  return { parent_span_id: '', kind: 'internal', service: 'demo-shop', status: 'ok', status_message: '', attributes: {}, events: [], ...part }
}

const STEPS: readonly [name: string, section: string, scope: string, line: number, ms: number, outcome: string][] = [
  ['rate-limit-by-key', 'inbound', 'global', 4, 0.08, 'ok'],
  ['validate-jwt', 'inbound', 'product', 9, 1.9, 'ok'],
  ['set-header', 'inbound', 'api', 14, 0.03, 'ok'],
  ['cache-lookup-value', 'inbound', 'api', 18, 0.4, 'ok'],
  ['send-request', 'inbound', 'operation', 6, 21, 'ok'],
  ['choose', 'inbound', 'operation', 15, 0.2, 'ok'],
]

const hex = (n: number) => n.toString(16).padStart(16, '0')

/** A failed order: policy steps, a retried backend call, a service behind it. */
export function trace(id: string, now: number): Trace {
  const root = hex(1)
  const spans: Span[] = []
  let at = 0.4
  STEPS.forEach(([name, section, scope, line, ms, outcome], n) => {
    spans.push(
      span({
        span_id: hex(10 + n), parent_span_id: root, name, start_ms: at, duration_ms: ms,
        policy: { section, scope, file: `${scope === 'api' ? 'apis/orders' : scope}/policy.xml`, line, id: '', fragment: name === 'choose' ? 'route-by-region' : '', outcome },
      }),
    )
    if (name === 'send-request') {
      spans.push(span({ span_id: hex(40), parent_span_id: hex(10 + n), name: 'GET customers.internal/v1/42', kind: 'client', start_ms: at + 0.5, duration_ms: 20, call: { source: 'send-request', method: 'GET', url: 'http://customers.internal/v1/42', status: 200, attempt: 1, outcome: 'ok' } }))
      spans.push(span({ span_id: hex(41), parent_span_id: hex(40), name: 'GET /v1/{id}', kind: 'server', service: 'customers', start_ms: at + 1.6, duration_ms: 17.6, attributes: { 'http.route': '/v1/{id}', 'http.response.status_code': 200 } }))
      spans.push(span({ span_id: hex(42), parent_span_id: hex(41), name: 'SELECT customers', kind: 'client', service: 'customers', start_ms: at + 3, duration_ms: 11.2, attributes: { 'db.system': 'postgresql', 'db.query.text': 'SELECT * FROM customers WHERE id = $1' } }))
    }
    at += ms + 0.15
  })
  at += 14 // a pause that nothing accounts for
  const forward = hex(30)
  const began = at
  for (const [attempt, ms] of [[1, 62], [2, 71]] as const) {
    const call = hex(50 + attempt)
    const bad = { status: 'error', status_message: attempt === 1 ? '503 Service Unavailable' : 'connection reset by peer' }
    spans.push(span({ span_id: call, parent_span_id: forward, name: 'POST orders.internal/v2/orders', kind: 'client', start_ms: at, duration_ms: ms, ...bad, call: { source: 'forward-request', backend: 'orders-pool', method: 'POST', url: 'http://orders.internal/v2/orders', status: attempt === 1 ? 503 : 0, attempt, outcome: 'error', error: bad.status_message } }))
    spans.push(span({ span_id: hex(60 + attempt), parent_span_id: call, name: 'POST /v2/orders', kind: 'server', service: 'orders', start_ms: at + 2, duration_ms: ms - 5, ...bad, attributes: { 'http.route': '/v2/orders', 'service.version': '2.8.1' }, events: [{ name: 'exception', attributes: { 'exception.type': 'PoolTimeout', 'exception.message': 'no free connection in 50 ms' } }] }))
    spans.push(span({ span_id: hex(70 + attempt), parent_span_id: hex(60 + attempt), name: 'reserve stock', service: 'orders', start_ms: at + 3, duration_ms: 6 }))
    spans.push(span({ span_id: hex(80 + attempt), parent_span_id: hex(60 + attempt), name: 'acquire connection', service: 'orders', start_ms: at + 10, duration_ms: ms - 18, ...bad }))
    at += ms + 8
  }
  const policy = { section: 'backend', scope: 'api', file: 'apis/orders/policy.xml', line: 31, id: 'forward', fragment: '', outcome: 'error' }
  spans.push(span({ span_id: forward, parent_span_id: root, name: 'forward-request', start_ms: began, duration_ms: at - began - 8, policy }))
  spans.push(span({ span_id: hex(31), parent_span_id: root, name: 'trace', start_ms: at - 7, duration_ms: 0.05, policy: { ...policy, section: 'on-error', scope: 'global', file: 'global/policy.xml', line: 40, id: '', outcome: 'ok' } }))
  spans.push(span({ span_id: hex(32), parent_span_id: root, name: 'return-response', start_ms: at - 6.8, duration_ms: 0.1, policy: { ...policy, section: 'on-error', scope: 'global', file: 'global/policy.xml', line: 44, id: '', outcome: 'returned' } }))
  const total = at - 6
  spans.push(
    span({
      span_id: root, name: 'POST /orders', kind: 'server', start_ms: 0, duration_ms: total, status: 'error', status_message: 'BackendConnectionFailure: connection reset by peer',
      request: { method: 'POST', path: '/orders', status: 502, api: 'orders', operation: 'create-orders', product: 'pro', subscription: 'customer-3', client_ip: '127.0.0.1', request_bytes: 412, response_bytes: 96, backend_ms: 154.2, policy_ms: 3.4, unaccounted_ms: 17.1, error_source: 'forward-request', error_reason: 'BackendConnectionFailure' },
      attributes: { 'url.scheme': 'http', 'user_agent.original': 'load/1.0', 'network.protocol.version': '1.1' },
    }),
  )
  const log = (ms: number, severity: string, body: string, spanId: string): TraceLog => ({ time: new Date(now - 8000 + ms).toISOString(), severity, body, attributes: severity === 'error' ? { pool: 'orders-pool', attempt: 2 } : {}, span_id: spanId })
  return {
    trace_id: id, start: new Date(now - 8000).toISOString(), duration_ms: total,
    services: ['demo-shop', 'orders', 'customers'],
    warnings: ['The clocks of orders and demo-shop differ by about 2 ms; its spans were not moved.'],
    spans,
    critical_path: [
      { span_id: root, from_ms: 0, to_ms: 3, label: 'gateway: unaccounted' }, { span_id: hex(14), from_ms: 3, to_ms: 4.4 }, { span_id: hex(42), from_ms: 6, to_ms: 17.2 },
      { span_id: root, from_ms: 24.8, to_ms: began }, { span_id: hex(51), from_ms: began, to_ms: began + 2 }, { span_id: hex(81), from_ms: began + 10, to_ms: began + 54 },
      { span_id: hex(52), from_ms: began + 70, to_ms: began + 72 }, { span_id: hex(82), from_ms: began + 80, to_ms: began + 133 }, { span_id: hex(32), from_ms: total - 0.8, to_ms: total },
    ],
    logs: [
      log(2.4, 'information', 'token accepted for audience shop', hex(11)),
      log(began + 62, 'warning', 'attempt 1 failed with 503; trying again', forward),
      log(began + 141, 'error', 'backend orders-pool: connection reset by peer', forward),
    ],
  }
}
