import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch, open, shoot, violations } from './browser'

// From a spike to its cause: GATEHOUSE_DIG is a list of {api, span, detail}, the
// display name of an API, the span that its time goes to, and a text that the
// page shows of this span.
const url = (process.env.GATEHOUSE_URL ?? '').replace(/\/$/, '')
const spikes = JSON.parse(process.env.GATEHOUSE_DIG ?? '[]') as { api: string; span: string; detail: string }[]

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())

it.skipIf(spikes.length === 0)('three clicks lead from a spike to the span', async () => {
  for (const { api, span, detail } of spikes) {
    const { page, context, faults } = await open(browser, 'light')
    await page.goto(url)
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: api, exact: true }) })
    await expect.poll(() => row.textContent(), { timeout: 60_000 }).toMatch(/\d(\.\d+)? s/) // the spike shows as seconds
    await row.getByRole('link', { name: api, exact: true }).click()
    await page.locator('table tbody tr').first().click()
    await page.getByRole('group', { name: 'Where the time went' }).getByRole('button').first().click()
    const chosen = page.getByRole('row', { selected: true })
    await expect.poll(() => chosen.textContent()).toContain(span)
    await page.getByText(detail).first().waitFor()
    await shoot(page, `dig-${span}`)
    expect(await violations(page)).toEqual([])
    expect(faults).toEqual([])
    await context.close()
  }
})
