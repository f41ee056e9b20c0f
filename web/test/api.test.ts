import { afterEach, describe, expect, it } from 'vitest'
import { fetchAlerts } from '../src/api/alertmanager'
import { ApiError, type Client, createClient } from '../src/api/client'
import { number, queryInstant, queryRange } from '../src/api/prometheus'
import { fetchStatus } from '../src/api/status'
import { fetchTrace } from '../src/api/trace'
import { fetchCatalog, searchTraces } from '../src/api/traces'
import { type Fixture, type FixtureOptions, startFixture } from './fixture'

let fixture: Fixture | undefined
afterEach(() => fixture?.close())

async function connect(options: FixtureOptions = {}, token?: string): Promise<{ client: Client; refusals: (string | undefined)[] }> {
  fixture = await startFixture(options)
  const refusals: (string | undefined)[] = []
  const store = { read: () => token, write: () => undefined }
  return { client: createClient(store, (sent) => refusals.push(sent), fixture.url), refusals }
}

describe('client', () => {
  it('sends the token and tells of a refusal', async () => {
    const { client, refusals } = await connect({ token: 'good' }, 'bad')
    await expect(fetchStatus(client)).rejects.toThrow('a token is needed')
    expect(refusals).toEqual(['bad'])
    await fixture?.close()
    const signedIn = await connect({ token: 'good' }, 'good')
    expect((await fetchStatus(signedIn.client)).service).toBe('demo-shop')
    expect(signedIn.refusals).toEqual([])
  })
  it('gives the reason of a failure', async () => {
    const { client } = await connect({ broken: ['/prometheus'] })
    await expect(queryInstant(client, 'up', 0)).rejects.toEqual(new ApiError(500, 'the store is closed'))
  })
  it('says when nothing answers', async () => {
    const { client } = await connect()
    await fixture?.close()
    await expect(fetchStatus(client)).rejects.toMatchObject({ status: 0 })
  })
})

describe('endpoints', () => {
  it('read what is there', async () => {
    const { client } = await connect()
    const found = await searchTraces(client, { start: 0, end: Date.now(), limit: 20, filters: { status: 'error', api: 'orders' } })
    expect(found.traces.length).toBeGreaterThan(0)
    expect(found.traces.every((trace) => trace.status === 'error' && trace.api === 'orders')).toBe(true)
    expect(found.histogram.counts).toHaveLength(found.histogram.bounds_ms.length + 1)
    const starts = found.traces.map((trace) => Date.parse(trace.start))
    expect(starts).toEqual([...starts].sort((a, b) => b - a))
    const trace = await fetchTrace(client, found.traces[0]?.trace_id ?? '')
    expect(trace.spans.some((span) => span.policy?.section === 'inbound' && span.policy.line > 0)).toBe(true)
    expect((await fetchAlerts(client)).map((alert) => alert.severity)).toEqual(['critical', 'warning'])
    expect((await queryRange(client, { query: 'sum by (gatehouse_api) (x)', start: 0, end: 60_000, step: 10 }))[0]?.points).toHaveLength(7)
    expect((await fetchCatalog(client, 0, 1000)).apis[0]?.operations.length).toBeGreaterThan(0)
  })
  it('take null for nothing', async () => {
    const { client } = await connect({ empty: true })
    expect(await searchTraces(client, { start: 0, end: 1000, limit: 5, filters: {} })).toEqual({
      traces: [], histogram: { bounds_ms: [], counts: [], errors: [] }, total: 0, partial: false,
    })
    expect(await fetchCatalog(client, 0, 1000)).toEqual({ services: [], apis: [], products: [], subscriptions: [] })
    await expect(fetchTrace(client, 'ab'.repeat(16))).rejects.toMatchObject({ status: 404 })
  })
})

it('reads the numbers of Prometheus', () => {
  expect(['1.5', '+Inf', '-Inf', 'NaN', ''].map(number)).toEqual([1.5, Infinity, -Infinity, NaN, NaN])
})
