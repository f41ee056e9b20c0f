import { expect, it } from 'vitest'
import { hrefTo, parseSearch, stringifySearch } from './address'

it('keeps text as text, both ways', () => {
  const search = { http_status: '200', q: 'a b&c=d "e"', api: 'true', from: '2026-01-02T00:00:00.000Z' }
  expect(parseSearch(stringifySearch(search))).toEqual(search)
  expect(stringifySearch({ q: '', api: undefined, n: 5 })).toBe('')
})

it('takes the time range along and nothing else', () => {
  expect(hrefTo('/traces', { api: 'orders' }, { range: '1h', refresh: 'off', sort: 'p95' })).toBe('/traces?range=1h&refresh=off&api=orders')
  expect(hrefTo('/', {}, {})).toBe('/')
})
