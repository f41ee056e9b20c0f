import type { Client } from './client'

/** GET /api/traces/{id}. */
export interface Trace {
  trace_id: string
  /** RFC 3339. */
  start: string
  duration_ms: number
  services: string[]
  warnings: string[]
  spans: Span[]
  critical_path: CriticalSegment[]
  logs: TraceLog[]
}

export interface CriticalSegment {
  span_id: string
  /** Milliseconds since the start of the trace. */
  from_ms: number
  to_ms: number
  /** What the time is when it is not the span's own work. */
  label?: string
}

export interface Span {
  span_id: string
  parent_span_id: string
  name: string
  kind: string
  service: string
  /** Milliseconds since the start of the trace; negative when clocks disagree. */
  start_ms: number
  duration_ms: number
  status: string
  status_message: string
  attributes: Fields
  events: SpanEvent[]
  policy?: PolicyStep
  call?: Fields
  request?: Fields
}

/** Attribute values are whatever JSON the sender wrote. */
export type Fields = Readonly<Record<string, unknown>>

export interface SpanEvent {
  name: string
  time?: string | number
  attributes?: Fields | null
}

export interface PolicyStep {
  section: string
  scope: string
  file: string
  line: number
  id: string
  fragment: string
  outcome: string
}

export interface TraceLog {
  time: string
  severity: string
  body: string
  attributes: Fields
  span_id: string
}

type Loose<T> = { [K in keyof T]?: T[K] | null }
interface Wire extends Omit<Loose<Trace>, 'spans' | 'logs'> {
  spans?: (Omit<Loose<Span>, 'policy'> & { policy?: Loose<PolicyStep> | null })[] | null
  logs?: Loose<TraceLog>[] | null
}
type WireSpan = NonNullable<Wire['spans']>[number]

export async function fetchTrace(client: Client, id: string, signal?: AbortSignal): Promise<Trace> {
  const wire = await client.get<Wire>(`/api/traces/${encodeURIComponent(id)}`, {}, signal)
  return {
    trace_id: wire.trace_id ?? id,
    start: wire.start ?? '',
    duration_ms: wire.duration_ms ?? 0,
    services: wire.services ?? [],
    warnings: wire.warnings ?? [],
    spans: (wire.spans ?? []).map(fillSpan),
    critical_path: wire.critical_path ?? [],
    logs: (wire.logs ?? []).map((log) => ({
      time: log.time ?? '',
      severity: log.severity ?? '',
      body: log.body ?? '',
      attributes: log.attributes ?? {},
      span_id: log.span_id ?? '',
    })),
  }
}

function fillSpan(wire: WireSpan): Span {
  return {
    span_id: wire.span_id ?? '',
    parent_span_id: wire.parent_span_id ?? '',
    name: wire.name ?? '',
    kind: wire.kind ?? '',
    service: wire.service ?? '',
    start_ms: wire.start_ms ?? 0,
    duration_ms: wire.duration_ms ?? 0,
    status: wire.status ?? '',
    status_message: wire.status_message ?? '',
    attributes: wire.attributes ?? {},
    events: wire.events ?? [],
    ...(wire.policy ? { policy: fillPolicy(wire.policy) } : {}),
    ...(wire.call ? { call: wire.call } : {}),
    ...(wire.request ? { request: wire.request } : {}),
  }
}

function fillPolicy(wire: Loose<PolicyStep>): PolicyStep {
  return {
    section: wire.section ?? '',
    scope: wire.scope ?? '',
    file: wire.file ?? '',
    line: wire.line ?? 0,
    id: wire.id ?? '',
    fragment: wire.fragment ?? '',
    outcome: wire.outcome ?? '',
  }
}
