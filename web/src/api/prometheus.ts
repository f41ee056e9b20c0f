import type { Client } from './client'

/** One series of GET /prometheus/api/v1/query_range. */
export interface Series {
  labels: Readonly<Record<string, string>>
  /** Unix seconds and value, oldest first; values may be NaN. */
  points: [time: number, value: number][]
}

/** One sample of GET /prometheus/api/v1/query. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

interface Wire<T> {
  data?: { resultType?: string; result?: T[] | null }
}
interface WireSeries {
  metric?: Record<string, string>
  values?: [number, string][]
}
interface WireSample {
  metric?: Record<string, string>
  value?: [number, string]
}

/** Prometheus writes numbers as text, with +Inf, -Inf and NaN. */
export function number(text: string): number {
  if (text === '+Inf') return Infinity
  if (text === '-Inf') return -Infinity
  return text === '' ? NaN : Number(text)
}

export interface RangeQuery {
  query: string
  /** Unix milliseconds. */
  start: number
  end: number
  /** Seconds. */
  step: number
}

export async function queryRange(client: Client, q: RangeQuery, signal?: AbortSignal): Promise<Series[]> {
  const wire = await client.get<Wire<WireSeries>>(
    '/prometheus/api/v1/query_range',
    { query: q.query, start: q.start / 1000, end: q.end / 1000, step: q.step },
    signal,
  )
  return (wire.data?.result ?? []).map((series) => ({
    labels: series.metric ?? {},
    points: (series.values ?? []).map(([time, value]) => [time, number(value)]),
  }))
}

/** `time` in Unix milliseconds. */
export async function queryInstant(client: Client, query: string, time: number, signal?: AbortSignal): Promise<Sample[]> {
  const wire = await client.get<Wire<WireSample>>('/prometheus/api/v1/query', { query, time: time / 1000 }, signal)
  return (wire.data?.result ?? []).map((sample) => ({
    labels: sample.metric ?? {},
    value: number(sample.value?.[1] ?? ''),
  }))
}
