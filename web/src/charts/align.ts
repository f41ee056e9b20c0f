import type { Series } from '../api/prometheus'

/** Columns for a chart: one time axis (Unix seconds) and one column a series, null where there is no value. */
export interface Columns {
  times: number[]
  values: (number | null)[][]
}

/** Lays series of one range query on the query's own grid; start in milliseconds, step in seconds. */
export function align(series: readonly Series[], start: number, end: number, step: number): Columns {
  const first = start / 1000
  const length = Math.max(0, Math.floor((end / 1000 - first) / step)) + 1
  const times = Array.from({ length }, (_, n) => first + n * step)
  const values = series.map(({ points }) => {
    const column = new Array<number | null>(length).fill(null)
    for (const [time, value] of points) {
      const n = Math.round((time - first) / step)
      if (n >= 0 && n < length && Number.isFinite(value)) column[n] = value
    }
    return column
  })
  return { times, values }
}
