import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FixtureOptions, startFixture } from '../test/fixture'
import { launch, open, shoot, violations } from './browser'

// States that a healthy server does not show; always against the made-up data
// of test/, with the console that was built last.
let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())

async function visit(options: FixtureOptions, path: string, scheme: 'light' | 'dark' = 'light', width?: number) {
  const fixture = await startFixture(options)
  const window = await open(browser, scheme, width)
  await window.page.goto(fixture.url + path)
  return { ...window, fixture, done: () => Promise.all([window.context.close(), fixture.close()]) }
}

describe('sign-in', () => {
  it('asks for the token, says when it is wrong, keeps it in the tab', async () => {
    const { page, fixture, faults, done } = await visit({ token: 's3cret' }, '/')
    const field = page.getByLabel('Admin token', { exact: true })
    await field.fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('That token was refused.').waitFor()
    await page.waitForTimeout(300)
    await shoot(page, 'sign-in')
    expect(await violations(page)).toEqual([])
    await field.fill('s3cret')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect.poll(() => page.getByTestId('total Requests').textContent()).toMatch(/[1-9]/)
    await page.reload()
    await expect.poll(() => page.getByTestId('total Requests').textContent()).toMatch(/[1-9]/)
    expect(await page.evaluate(() => [sessionStorage.length, JSON.stringify({ ...localStorage }).includes('s3cret')])).toContain(false)
    expect(fixture.calls.some((call) => call.includes('s3cret'))).toBe(false)
    expect(faults).toEqual([])
    await done()
  })
})

describe('nothing there', () => {
  it.each([
    ['/', 'No requests in this range', 'empty-home'],
    ['/traces', 'No traces in this range', 'empty-traces'],
  ])('%s says what is missing and how to change it', async (path, text, name) => {
    const { page, done } = await visit({ empty: true }, path, 'dark')
    await page.getByText(text).first().waitFor()
    await page.getByText('curl -i http://127.0.0.1:8080/orders').first().waitFor()
    await shoot(page, name)
    expect(await violations(page)).toEqual([])
    await done()
  })
  it('a trace that is not kept', async () => {
    const { page, done } = await visit({ empty: true }, `/traces/${'ab'.repeat(16)}`)
    await page.getByText('No such trace').waitFor()
    await shoot(page, 'no-trace')
    await done()
  })
})

describe('failures', () => {
  it('show the reason and a retry', async () => {
    const { page, done } = await visit({ broken: ['/prometheus', '/api/traces/search', '/alertmanager'] }, '/')
    await expect.poll(() => page.getByText('the store is closed').count(), { timeout: 20_000 }).toBeGreaterThan(3)
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBeGreaterThan(3)
    await shoot(page, 'errors')
    expect(await violations(page)).toEqual([])
    await done()
  })
})

describe('a refresh that fails', () => {
  it('leaves what was there, and says so', async () => {
    const broken: string[] = []
    const { page, done } = await visit({ broken }, '/')
    const total = page.getByTestId('total Requests')
    await expect.poll(() => total.textContent()).toMatch(/[1-9]/)
    await page.getByRole('row').getByRole('link', { name: 'Orders' }).waitFor()
    broken.push('/prometheus', '/api/traces', '/alertmanager')
    await page.waitForTimeout(1100) // the clock moves in seconds
    await page.keyboard.press('r')
    await expect.poll(() => page.getByText('Could not refresh; older data').count(), { timeout: 15_000 }).toBeGreaterThan(4)
    expect(await total.textContent()).toMatch(/[1-9]/)
    expect(await page.getByRole('row').getByRole('link', { name: 'Orders' }).count()).toBe(1)
    await shoot(page, 'stale')
    await done()
  })
})

describe('state in the URL', () => {
  it('brushing the histogram sets durations, back removes them', async () => {
    const { page, done } = await visit({}, '/traces')
    await page.locator('table tbody tr').first().waitFor()
    const box = await page.getByRole('img', { name: /Latency of/ }).boundingBox()
    if (!box) throw new Error('no histogram')
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 4 })
    await shoot(page, 'brush')
    await page.mouse.up()
    await page.waitForURL(/min_duration_ms=\d+&max_duration_ms=\d+/)
    await expect.poll(() => page.getByRole('group', { name: 'Active filters' }).textContent()).toMatch(/At least.*At most/)
    await page.goBack()
    await expect.poll(() => page.url()).not.toContain('duration_ms')
    await done()
  })

  it('the time range follows from page to page, and a chart zooms', async () => {
    const { page, done } = await visit({}, '/?range=1h')
    await page.locator('canvas').first().waitFor()
    const box = await page.locator('.u-over').first().boundingBox()
    if (!box) throw new Error('no chart')
    await page.mouse.move(box.x + 60, box.y + 50)
    await shoot(page, 'home-hover')
    await page.mouse.down()
    await page.mouse.move(box.x + 160, box.y + 50, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL(/from=.*&to=/)
    const zoomed = new URL(page.url()).searchParams.get('from')
    await page.getByRole('row').getByRole('link', { name: 'Orders' }).click()
    await page.waitForURL(/\/traces\?.*api=orders/)
    expect(new URL(page.url()).searchParams.get('from')).toBe(zoomed)
    await page.goBack()
    await page.goBack()
    await expect.poll(() => new URL(page.url()).search).toBe('?range=1h')
    await page.getByRole('button', { name: 'Time range: Last hour' }).click()
    await page.getByRole('button', { name: 'Apply' }).waitFor()
    await page.waitForTimeout(300)
    await shoot(page, 'range')
    expect(await violations(page)).toEqual([])
    await done()
  })

  it('the trace is walked with keys', async () => {
    const { page, faults, done } = await visit({}, `/traces/${'0001'.repeat(8)}`, 'light')
    const chosen = page.getByRole('row', { selected: true })
    await expect.poll(() => chosen.textContent()).toContain('POST /orders')
    await shoot(page, 'trace-root')
    const press = async (key: string, name: string) => {
      await page.keyboard.press(key)
      await expect.poll(() => chosen.textContent()).toContain(name)
    }
    await press('ArrowDown', 'rate-limit-by-key')
    await press('ArrowUp', 'POST /orders')
    await press(']', 'forward-request')
    await press(']', 'POST orders.internal')
    await press('ArrowLeft', 'POST orders.internal')
    await expect.poll(() => chosen.getAttribute('aria-expanded')).toBe('false')
    expect(page.url()).toContain('closed=')
    await shoot(page, 'trace-collapsed')
    await press('[', 'forward-request')
    await page.keyboard.press('c')
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('0001'.repeat(8))
    expect(await violations(page)).toEqual([])
    expect(faults).toEqual([])
    await done()
  })
})

describe('small windows', () => {
  it.each(['/', '/traces', `/traces/${'0001'.repeat(8)}`])('%s fits 800 pixels', async (path) => {
    const { page, done } = await visit({}, path, 'light', 800)
    await page.locator('[role=row], table tbody tr').first().waitFor()
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth || (document.querySelector('main')?.scrollWidth ?? 0) > (document.querySelector('main')?.clientWidth ?? 0) + 1)
    await shoot(page, `small${path.slice(0, 7).replaceAll('/', '-')}${path.length > 8 ? '-one' : ''}`)
    expect(wide).toBe(false)
    await done()
  })
})
