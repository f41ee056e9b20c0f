import type { CriticalSegment, Trace } from '../../api/trace'

/** The shown part of a trace, milliseconds since its start. */
export interface View {
  from: number
  to: number
}

/** The whole trace; spans of other clocks may stick out at both ends. */
export function fullView(trace: Trace): View {
  let from = 0
  let to = Math.max(trace.duration_ms, 0.001)
  for (const span of trace.spans) {
    from = Math.min(from, span.start_ms)
    to = Math.max(to, span.start_ms + span.duration_ms)
  }
  return { from, to }
}

/** Reads "12.5~80" out of the URL; undefined when it is no part of the trace. */
export function readZoom(text: string | undefined, full: View): View | undefined {
  const [from, to] = (text ?? '').split('~').map(Number)
  if (from === undefined || to === undefined || !(to > from) || from >= full.to || to <= full.from) return undefined
  return { from: Math.max(from, full.from), to: Math.min(to, full.to) }
}

export function writeZoom(view: View): string {
  return `${Number(view.from.toFixed(4))}~${Number(view.to.toFixed(4))}`
}

/** A stretch of time as left edge and width in percent of the view; undefined when outside. */
export function place(from: number, to: number, view: View): { left: number; width: number } | undefined {
  const span = view.to - view.from
  const start = Math.max(from, view.from)
  const end = Math.min(to, view.to)
  if (end < start) return undefined
  return { left: ((start - view.from) / span) * 100, width: ((end - start) / span) * 100 }
}

/** Round moments for the ruler, about `wanted` of them. */
export function ticks(view: View, wanted: number): number[] {
  const rough = (view.to - view.from) / Math.max(1, wanted)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough) ?? rough
  const out: number[] = []
  for (let n = Math.ceil(view.from / step); n * step <= view.to; n++) out.push(Number((n * step).toPrecision(12)))
  return out
}

/** The critical path by span. */
export function criticalBySpan(path: readonly CriticalSegment[]): Map<string, CriticalSegment[]> {
  const out = new Map<string, CriticalSegment[]>()
  for (const segment of path) out.set(segment.span_id, [...(out.get(segment.span_id) ?? []), segment])
  return out
}

/** What a span has of the critical path. */
export interface Share {
  id: string
  ms: number
  /** Of the trace, from 0 to 1. */
  part: number
}

/** The spans that most of the time of a trace went to, longest first; what is below a twentieth is no answer. */
export function longest(path: readonly CriticalSegment[], total: number, most: number): Share[] {
  return [...criticalBySpan(path)]
    .map(([id, segments]) => ({ id, ms: segments.reduce((sum, one) => sum + one.to_ms - one.from_ms, 0) }))
    .map((one) => ({ ...one, part: one.ms / Math.max(total, 0.001) }))
    .filter((one) => one.part >= 0.05)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, most)
}
