import { describe, expect, it } from 'vitest'
import { age, bytes, count, duration, percent, plural, rate } from './format'

describe('duration', () => {
  it.each([
    [0, '0 ms'], [0.0312, '31 µs'], [0.9999, '1 ms'], [1.5, '1.5 ms'], [12.345, '12.3 ms'], [999.4, '999 ms'], [999.6, '1 s'],
    [1250, '1.25 s'], [90_000, '90 s'], [150_000, '2.5 min'], [9_000_000, '2.5 h'], [NaN, '–'], [undefined, '–'], [Infinity, '–'],
  ])('%s', (ms, want) => expect(duration(ms)).toBe(want))
})

it('count', () => expect([0, 7, 12, 0.25, 9994, 12_345, 1_234_567].map(count)).toEqual(['0', '7', '12', '0.25', '9994', '12.3k', '1.23M']))
it('rate', () => expect([0, 0.0002, 12.34, NaN].map(rate)).toEqual(['0/s', '<0.001/s', '12.3/s', '–']))
it('percent', () => expect([0, 0.00001, 0.0123, 1].map(percent)).toEqual(['0%', '<0.01%', '1.23%', '100%']))
it('bytes', () => expect([0, 999, 1500, 2.5e6].map(bytes)).toEqual(['0 B', '999 B', '1.5 kB', '2.5 MB']))
it('plural', () => expect([plural(1, 'span'), plural(20, 'span')]).toEqual(['1 span', '20 spans']))
it('age', () => expect([500, 42_000, 300_000, 7_200_000, 400_000_000].map((ms) => age(0, ms))).toEqual(['now', '42 s', '5 min', '2 h', '5 d']))
