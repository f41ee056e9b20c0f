/** A small server for tests: the built console, and the APIs with made-up data. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { alerts, APIS, catalog, random, status, summary, trace } from './data.ts'

export interface FixtureOptions {
  /** Asks for this token; none by default. */
  token?: string
  /** No traffic, no alerts, no traces. */
  empty?: boolean
  /** Paths (prefixes) that answer 500. */
  broken?: readonly string[]
  now?: () => number
}

export interface Fixture {
  url: string
  close: () => Promise<void>
  /** Paths with query of the API calls so far. */
  calls: string[]
}

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2', woff: 'font/woff' }

export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const calls: string[] = []
  const server = createServer((request, response) => handle(request, response, options, calls))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((resolve) => {
    server.closeAllConnections()
    server.close(() => resolve())
  })
  return { url: `http://127.0.0.1:${port}`, close, calls }
}

function handle(request: IncomingMessage, response: ServerResponse, options: FixtureOptions, calls: string[]) {
  const url = new URL(request.url ?? '/', 'http://fixture')
  const data = /^\/(api|prometheus|alertmanager)\//.test(url.pathname)
  if (!data) return file(url.pathname, response)
  calls.push(url.pathname + url.search)
  if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) return json(response, 401, { error: { code: 'Unauthorized', message: 'a token is needed' } })
  if (options.broken?.some((prefix) => url.pathname.startsWith(prefix))) return json(response, 500, { error: 'the store is closed' })
  const now = options.now?.() ?? Date.now()
  const body = answer(url, now, options.empty ?? false)
  if (body === undefined) json(response, 404, { error: { message: `nothing at ${url.pathname}` } })
  else json(response, 200, body)
}

function json(response: ServerResponse, code: number, body: unknown) {
  response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** As web.go answers, with the same content security policy. */
function file(path: string, response: ServerResponse) {
  const isFile = /\.\w+$/.test(path)
  const nonce = Math.random().toString(36).slice(2)
  const policy = `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; font-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  try {
    const body = readFileSync(new URL(`../dist${isFile ? path : '/index.html'}`, import.meta.url))
    const type = isFile ? (TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream') : 'text/html; charset=utf-8'
    response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': policy })
    response.end(isFile ? body : body.toString().replaceAll('__CSP_NONCE__', nonce))
  } catch {
    response.writeHead(404).end()
  }
}

function answer(url: URL, now: number, empty: boolean): unknown {
  const params = url.searchParams
  switch (url.pathname) {
    case '/api/status':
      return status(now)
    case '/api/traces/services':
      return empty ? { services: null } : catalog()
    case '/api/traces/search':
      return empty ? { traces: null, histogram: { bounds_ms: null, counts: null, errors: null }, total: 0, partial: false } : search(params, now)
    case '/alertmanager/api/v2/alerts':
      return empty ? [] : alerts(now)
    case '/prometheus/api/v1/query_range':
      return { status: 'success', data: { resultType: 'matrix', result: empty ? [] : matrix(params) } }
    case '/prometheus/api/v1/query':
      return { status: 'success', data: { resultType: 'vector', result: empty ? [] : vector(params) } }
  }
  const id = /^\/api\/traces\/([0-9a-f]{32})$/.exec(url.pathname)?.[1]
  return id === undefined || empty ? undefined : trace(id, now)
}

const BOUNDS = [1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 125, 150, 200, 250, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000, 10000]

function search(params: URLSearchParams, now: number) {
  const least = Number(params.get('min_duration_ms') ?? 0)
  const most = Number(params.get('max_duration_ms') ?? Infinity)
  const all = Array.from({ length: 1000 }, (_, n) => summary(n, now)).filter(
    (row) =>
      (['api', 'status', 'product', 'service', 'operation', 'subscription'] as const).every((key) => !params.get(key) || row[key] === params.get(key)) &&
      (!params.get('http_status') || String(row.http_status) === params.get('http_status')) &&
      (!params.get('q') || `${row.root_name} ${row.error_reason}`.toLowerCase().includes((params.get('q') ?? '').toLowerCase())) &&
      row.duration_ms >= least && row.duration_ms < most,
  )
  const counts = new Array<number>(BOUNDS.length + 1).fill(0)
  const errors = new Array<number>(BOUNDS.length + 1).fill(0)
  for (const row of all) {
    const found = BOUNDS.findIndex((bound) => row.duration_ms < bound)
    const n = found < 0 ? BOUNDS.length : found
    counts[n] = (counts[n] ?? 0) + 1
    if (row.status === 'error') errors[n] = (errors[n] ?? 0) + 1
  }
  return { traces: all.slice(0, Math.min(500, Number(params.get('limit') ?? 50))), histogram: { bounds_ms: BOUNDS, counts, errors }, total: all.length, partial: false }
}

/** A value of the kind that the query asks for. */
function value(query: string, api: (typeof APIS)[number], time: number, noise: number): number {
  const wave = 1 + 0.25 * Math.sin(time / 300 + api.base) + (noise - 0.5) * 0.16
  const spike = api.id === 'orders' && Math.sin(time / 700) > 0.75 ? 4 : 1
  const quantile = /histogram_quantile\(([\d.]+)/.exec(query)?.[1]
  if (quantile !== undefined) return (api.base / 1000) * wave * (1 + 3 * (Number(quantile) - 0.5) ** 2 * 8) * (spike > 1 ? 1.6 : 1)
  if (query.includes('5..')) return api.failing * wave * spike
  if (query.includes('body_bytes')) return api.load * 4300 * wave
  return api.load * wave
}

function wanted(query: string) {
  const only = /gatehouse_api="([^"]+)"/.exec(query)?.[1]
  return APIS.filter((api) => only === undefined || api.id === only)
}

function matrix(params: URLSearchParams) {
  const query = params.get('query') ?? ''
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(params.get(name)))
  if (start === undefined || end === undefined || step === undefined) return []
  return wanted(query).map((api) => {
    const next = random(api.base + query.length)
    const values: [number, string][] = []
    for (let time = start; time <= end; time += step) values.push([time, String(value(query, api, time, next()))])
    return { metric: { gatehouse_api: api.id }, values }
  })
}

function vector(params: URLSearchParams) {
  const query = params.get('query') ?? ''
  const time = Number(params.get('time'))
  if (query.includes('by (gatehouse_api')) return wanted(query).map((api) => ({ metric: { gatehouse_api: api.id }, value: [time, String(value(query, api, time, 0.5))] }))
  const all = wanted(query).map((api) => value(query, api, time, 0.5))
  const sum = all.reduce((a, b) => a + b, 0)
  return [{ metric: {}, value: [time, String(query.includes('5..') || query.includes('quantile') ? sum / all.length : sum)] }]
}
