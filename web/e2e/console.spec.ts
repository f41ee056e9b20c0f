import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, startFixture } from '../test/fixture'
import { launch, open, shoot, violations } from './browser'

// GATEHOUSE_URL: the monitor door of a running `gatehouse demo`, for example
// http://127.0.0.1:9080, or the word "fixture" for the made-up data of test/.
let url = process.env.GATEHOUSE_URL ?? ''
if (url === '') throw new Error('set GATEHOUSE_URL to the monitor door of a running gatehouse demo, or run npm run e2e:fixture')

let browser: Browser
let fixture: Fixture | undefined

beforeAll(async () => {
  if (url === 'fixture') {
    fixture = await startFixture()
    url = fixture.url
  }
  url = url.replace(/\/$/, '')
  browser = await launch()
})
afterAll(async () => {
  await browser?.close()
  await fixture?.close()
})

describe.each(['light', 'dark'] as const)('console, %s', (scheme) => {
  it('shows traffic on Home', async () => {
    const { page, context, faults } = await open(browser, scheme)
    await page.goto(url)
    const total = page.getByTestId('total Requests')
    await expect.poll(() => total.textContent(), { timeout: 30_000 }).toMatch(/[1-9].*\/s/)
    await expect.poll(() => page.locator('table tbody tr').count(), { timeout: 30_000 }).toBeGreaterThan(0)
    await page.locator('canvas').first().waitFor()
    await shoot(page, `home-${scheme}`)
    expect(await violations(page)).toEqual([])
    await total.click()
    await expect.poll(() => page.getByText('sum(rate(http_server_request_duration_seconds_count').count()).toBe(1)
    await page.waitForTimeout(300)
    await shoot(page, `home-query-${scheme}`)
    expect(faults).toEqual([])
    await context.close()
  })

  it('lists traces and opens one with its policy steps', async () => {
    const { page, context, faults } = await open(browser, scheme)
    await page.goto(`${url}/traces?http_status=200`) // such a request reached an API, so it has policy steps
    const rows = page.locator('table tbody tr')
    await expect.poll(() => rows.count(), { timeout: 30_000 }).toBeGreaterThan(0)
    await shoot(page, `traces-${scheme}`)
    expect(await violations(page)).toEqual([])
    await rows.first().locator('td').nth(1).click()
    await page.waitForURL(/\/traces\/[0-9a-f]{32}/)
    const spans = page.getByRole('row', { selected: true })
    await spans.first().waitFor()
    const policy = page.getByRole('row').filter({ hasText: /(inbound|backend|outbound|on-error), (global|workspace|product|api|operation)/ })
    await expect.poll(() => policy.count(), { timeout: 30_000 }).toBeGreaterThan(0)
    await policy.first().click()
    await page.getByRole('heading', { name: 'Policy statement' }).waitFor()
    await shoot(page, `trace-${scheme}`)
    expect(await violations(page)).toEqual([])
    await page.goBack()
    await page.waitForURL(/\/traces(\?|$)/)
    expect(faults).toEqual([])
    await context.close()
  })

  it('is led by keys', async () => {
    const { page, context, faults } = await open(browser, scheme)
    await page.goto(url)
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('t')
    await page.waitForURL(/\/traces/)
    await page.getByRole('textbox', { name: 'Search traces' }).waitFor()
    await page.keyboard.press('/')
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Search traces')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.waitForTimeout(300) // the dialog fades in; axe would measure half-transparent text
    await shoot(page, `help-${scheme}`)
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' })
    await page.keyboard.press('Control+k')
    await page.getByPlaceholder('Page, API, time range or trace id').waitFor()
    await page.waitForTimeout(300)
    await shoot(page, `palette-${scheme}`)
    await page.keyboard.press('Escape')
    await page.getByPlaceholder('Page, API, time range or trace id').waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('h')
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    expect(faults).toEqual([])
    await context.close()
  })
})
