import { describe, expect, it } from 'vitest'
import { fixedRange, parseSpan, readWindow, shift, stepFor } from './range'

const now = Date.parse('2026-01-02T12:00:00Z')

describe('parseSpan', () => {
  it.each([
    ['5s', 5000],
    ['15m', 900_000],
    ['30d', 2_592_000_000],
    ['0m', undefined],
    ['m', undefined],
    ['-5m', undefined],
    ['5 m', undefined],
    ['off', undefined],
    [undefined, undefined],
  ])('%s', (text, want) => expect(parseSpan(text)).toBe(want))
})

describe('readWindow', () => {
  it('reads a range that moves with the clock', () => {
    expect(readWindow({ range: '1h' }, now)).toEqual({ start: now - 3_600_000, end: now, step: 30, label: 'Last hour', live: true })
  })
  it('takes the default for nothing and for nonsense', () => {
    expect(readWindow({}, now).label).toBe('Last 15 minutes')
    for (const search of [{ range: '1y' }, { from: 'abc' }, { range: 'zz', to: 'x' }] as Record<string, string>[]) {
      expect(readWindow(search, now)).toEqual({ ...readWindow({}, now), label: 'Last 15 minutes (the address has no readable time)' })
    }
    expect(readWindow({ from: '2026-01-02T11:00:00Z', to: '2026-01-02T10:00:00Z' }, now).live).toBe(true)
  })
  it('reads two ends, and what fixedRange wrote', () => {
    const patch = fixedRange(now - 60_000, now)
    expect(readWindow({ from: patch.from ?? '', to: patch.to ?? '' }, now)).toMatchObject({ start: now - 60_000, end: now, live: false })
  })
})

describe('shift', () => {
  const window = readWindow({ range: '1h' }, now)
  it('moves back by half', () => {
    expect(shift(window, -1, now)).toEqual(fixedRange(now - 5_400_000, now - 1_800_000))
  })
  it('does not pass now', () => {
    expect(shift(window, 1, now)).toEqual(fixedRange(now - 3_600_000, now))
  })
})

describe('stepFor', () => {
  it.each([[60_000, 5], [900_000, 10], [86_400_000, 900], [2_592_000_000, 21600], [1e13, 86400]])('%d ms', (span, want) =>
    expect(stepFor(span)).toBe(want),
  )
})
