import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch, open, shoot, violations } from './browser'

// Against a running Gatehouse with an API that a folder describes: what is made
// here is taken away again.
const url = (process.env.GATEHOUSE_URL ?? '').replace(/\/$/, '')
/** What the third test connects, and leaves there: {workspace, logger, api}. */
const connect = process.env.GATEHOUSE_CONNECT ? (JSON.parse(process.env.GATEHOUSE_CONNECT) as Record<'workspace' | 'logger' | 'api', string>) : undefined
const real = url !== '' && url !== 'fixture' && !connect
const name = `console-${Date.now()}`
const api = 'Feedback API'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())

const row = (page: Page, name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: false }) })

it.skipIf(!real)('a logger is connected in five steps, changed and deleted', async () => {
  const { page, context, faults } = await open(browser, 'light')
  await page.goto(url)
  await page.getByRole('navigation').getByRole('link', { name: /Telemetry/ }).click()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const form = page.getByRole('form', { name: 'Logger' })
  await form.getByLabel('Instance').selectOption('default')
  await form.getByLabel('Name').fill(name)
  await form.getByLabel('Description').fill('made in the console')
  await shoot(page, 'logger-form')
  expect(await violations(page)).toEqual([])
  await form.getByRole('button', { name: 'Create' }).click()
  await row(page, name).waitFor()
  expect(await row(page, name).textContent()).toMatch(/made in the console.*workspace default.*none needed.*no diagnostic/)
  await row(page, name).getByRole('button', { name: 'Edit' }).click()
  await form.getByLabel('Instance').selectOption('')
  await form.getByLabel('Connection string', { exact: true }).fill('InstrumentationKey=0123-secret;IngestionEndpoint=http://127.0.0.1:9/')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => row(page, name).textContent()).toContain('connection string')
  await form.waitFor({ state: 'detached' })
  expect(await page.content()).not.toContain('0123-secret')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await form.getByLabel('Name').fill(name)
  expect(await form.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true)
  await page.keyboard.press('Escape')
  await row(page, name).getByRole('button', { name: 'Delete' }).click()
  await row(page, name).waitFor({ state: 'detached' })
  expect(faults).toEqual([])
  await context.close()
})

it.skipIf(!real)('diagnostics of one API are switched on, set and switched off', async () => {
  const { page, context, faults } = await open(browser, 'dark')
  await page.goto(`${url}/telemetry`)
  await page.getByRole('button', { name: `Settings of ${api}` }).click()
  const form = page.getByRole('form', { name: 'Diagnostics logs' })
  await form.getByRole('switch', { name: 'Enable' }).click()
  await form.getByLabel('Destination').waitFor()
  await form.getByLabel('Sampling, %').fill('25')
  await form.getByLabel('Body bytes of the frontend response').fill('100')
  await form.getByLabel('Headers of the frontend request').fill('Accept, X-Tenant')
  await form.getByText('Copying bodies costs throughput').waitFor()
  await shoot(page, 'diagnostic-form')
  expect(await violations(page)).toEqual([])
  await form.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => row(page, api).last().textContent()).toMatch(/25 %.*all of them.*up to 100 bytes/)
  await shoot(page, 'telemetry')
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: `Settings of ${api}` }).click()
  expect(await form.getByLabel('Headers of the frontend request').inputValue()).toBe('Accept, X-Tenant')
  await form.getByRole('switch', { name: 'Enable' }).click()
  await form.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => row(page, api).last().textContent()).toMatch(/as all APIs|everything, in the default workspace/)
  expect(faults).toEqual([])
  await context.close()
})

it.skipIf(!connect)('a workspace is connected and one API recorded there', async () => {
  if (!connect) return
  const { page, context, faults } = await open(browser, 'light')
  await page.goto(url)
  await page.getByRole('navigation').getByRole('link', { name: /Telemetry/ }).click()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const logger = page.getByRole('form', { name: 'Logger' })
  await logger.getByLabel('Instance').selectOption(connect.workspace)
  await logger.getByLabel('Name').fill(connect.logger)
  await logger.getByLabel('Description').fill('by hand')
  await logger.getByRole('switch', { name: 'Add availability monitor' }).click()
  await logger.getByRole('button', { name: 'Create' }).click()
  await row(page, connect.logger).waitFor()
  await page.getByRole('button', { name: `Settings of ${connect.api}` }).click()
  const diagnostics = page.getByRole('form', { name: 'Diagnostics logs' })
  await diagnostics.getByRole('switch', { name: 'Enable' }).click()
  await diagnostics.getByLabel('Destination').selectOption(connect.logger)
  await diagnostics.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => row(page, connect.api).last().textContent()).toContain(connect.logger)
  expect(faults).toEqual([])
  await context.close()
})
