/** Reading a latency histogram: which bars there are and what a brush over them means. */
export interface Bar {
  /** Milliseconds; undefined: open to that side. */
  from: number | undefined
  to: number | undefined
  count: number
  errors: number
}

/** n bounds make n+1 bars; missing counts are 0. */
export function bars(bounds: readonly number[], counts: readonly number[], errors: readonly number[]): Bar[] {
  if (bounds.length === 0) return []
  return Array.from({ length: bounds.length + 1 }, (_, n) => ({
    from: bounds[n - 1],
    to: bounds[n],
    count: counts[n] ?? 0,
    errors: Math.min(errors[n] ?? 0, counts[n] ?? 0),
  }))
}

/** Drops the empty bars at both ends but for one of each, so that the shape fills the chart. */
export function trim(all: readonly Bar[]): Bar[] {
  const first = all.findIndex((bar) => bar.count > 0)
  if (first < 0) return [...all]
  let last = all.length - 1
  while ((all[last]?.count ?? 0) === 0) last--
  return all.slice(Math.max(0, first - 1), last + 2)
}

/** The durations that bars a to b (in any order) stand for. */
export function brushed(shown: readonly Bar[], a: number, b: number): { min: number | undefined; max: number | undefined } {
  const clamp = (n: number) => Math.max(0, Math.min(shown.length - 1, n))
  return { min: shown[clamp(Math.min(a, b))]?.from, max: shown[clamp(Math.max(a, b))]?.to }
}
