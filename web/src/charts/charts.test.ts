import { describe, expect, it } from 'vitest'
import { align } from './align'
import { bars, brushed, trim } from './buckets'

describe('align', () => {
  it('puts values on the grid of the query and leaves holes', () => {
    const series = [{ labels: {}, points: [[10, 1], [30, NaN], [40, 4], [95, 9]] as [number, number][] }]
    expect(align(series, 10_000, 40_000, 10)).toEqual({ times: [10, 20, 30, 40], values: [[1, null, null, 4]] })
  })
  it('of nothing is an axis', () => expect(align([], 0, 10_000, 5)).toEqual({ times: [0, 5, 10], values: [] }))
})

describe('histogram', () => {
  const all = bars([1, 2, 5, 10], [0, 0, 7, 0, 0], [0, 0, 9, 0, 0])
  it('has a bar more than bounds, and no more errors than traces', () => {
    expect(all).toHaveLength(5)
    expect(all[2]).toEqual({ from: 2, to: 5, count: 7, errors: 7 })
    expect(bars([], [3], [])).toEqual([])
  })
  it('is trimmed to what is there', () => {
    expect(trim(all).map((bar) => bar.from)).toEqual([1, 2, 5])
    expect(trim([])).toEqual([])
  })
  it('turns a brush into durations, open at the ends', () => {
    expect(brushed(all, 1, 2)).toEqual({ min: 1, max: 5 })
    expect(brushed(all, 2, 1)).toEqual({ min: 1, max: 5 })
    expect(brushed(all, -4, 99)).toEqual({ min: undefined, max: undefined })
  })
})
