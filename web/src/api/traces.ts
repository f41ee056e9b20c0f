import type { Client, Params } from './client'

/** A row of GET /api/traces/search. */
export interface TraceSummary {
  trace_id: string
  root_name: string
  service: string
  api: string
  operation: string
  product: string
  subscription: string
  http_status: number
  status: string
  outcome: string
  error_reason: string
  /** RFC 3339. */
  start: string
  duration_ms: number
  spans: number
  errors: number
}

/** counts and errors hold one more entry than bounds_ms: below the first, between each two, above the last. */
export interface Histogram {
  bounds_ms: number[]
  counts: number[]
  errors: number[]
}

export interface TraceSearch {
  traces: TraceSummary[]
  histogram: Histogram
  total: number
  /** Not everything was looked at. */
  partial: boolean
}

/** The filters of a search; names are those of the API and of the URL. */
export const FILTERS = [
  'service', 'api', 'operation', 'product', 'subscription', 'status', 'http_status',
  'min_duration_ms', 'max_duration_ms', 'q',
] as const
export type Filter = (typeof FILTERS)[number]
export type Filters = Readonly<Partial<Record<Filter, string>>>

/** `start` and `end` in Unix milliseconds. */
export async function searchTraces(
  client: Client,
  search: { start: number; end: number; limit: number; filters: Filters },
  signal?: AbortSignal,
): Promise<TraceSearch> {
  const params: Params = {
    ...search.filters,
    start: new Date(search.start).toISOString(),
    end: new Date(search.end).toISOString(),
    limit: search.limit,
  }
  const wire = await client.get<Nullable<TraceSearch>>('/api/traces/search', params, signal)
  const traces = (wire.traces ?? []).map(fillSummary)
  return {
    traces: traces.sort((a, b) => Date.parse(b.start) - Date.parse(a.start)),
    histogram: {
      bounds_ms: wire.histogram?.bounds_ms ?? [],
      counts: wire.histogram?.counts ?? [],
      errors: wire.histogram?.errors ?? [],
    },
    total: wire.total ?? traces.length,
    partial: wire.partial ?? false,
  }
}

/** What an answer may leave out or write as null. */
type Nullable<T> = { [K in keyof T]?: T[K] | null }

function fillSummary(wire: Nullable<TraceSummary>): TraceSummary {
  return {
    trace_id: wire.trace_id ?? '',
    root_name: wire.root_name ?? '',
    service: wire.service ?? '',
    api: wire.api ?? '',
    operation: wire.operation ?? '',
    product: wire.product ?? '',
    subscription: wire.subscription ?? '',
    http_status: wire.http_status ?? 0,
    status: wire.status ?? '',
    outcome: wire.outcome ?? '',
    error_reason: wire.error_reason ?? '',
    start: wire.start ?? '',
    duration_ms: wire.duration_ms ?? 0,
    spans: wire.spans ?? 0,
    errors: wire.errors ?? 0,
  }
}

/** What can be filtered by, as seen in a time range; GET /api/traces/services. */
export interface Catalog {
  services: string[]
  apis: { id: string; name: string; operations: string[] }[]
  products: string[]
  subscriptions: string[]
}

interface WireCatalog {
  services?: (string | { name: string })[] | null
  apis?: { id: string; name?: string; operations?: string[] | null }[] | null
  products?: string[] | null
  subscriptions?: string[] | null
}

/** `start` and `end` in Unix milliseconds. */
export async function fetchCatalog(client: Client, start: number, end: number, signal?: AbortSignal): Promise<Catalog> {
  const params = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
  const wire = await client.get<WireCatalog>('/api/traces/services', params, signal)
  return {
    services: (wire.services ?? []).map((service) => (typeof service === 'string' ? service : service.name)),
    apis: (wire.apis ?? []).map((api) => ({ id: api.id, name: api.name || api.id, operations: api.operations ?? [] })),
    products: wire.products ?? [],
    subscriptions: wire.subscriptions ?? [],
  }
}
