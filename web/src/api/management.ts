import type { Client } from './client'

/** What a logger is made of: properties of Microsoft.ApiManagement/service/loggers. */
export interface NewLogger {
  loggerType: 'applicationInsights'
  description: string
  /** One of the two says where it leads. */
  resourceId?: string
  credentials?: { connectionString: string; identityClientId?: string }
}

/** What is kept of one message of an exchange. */
export interface Capture {
  headers?: string[]
  body?: { bytes?: number }
}

/** Properties of a diagnostic; what the console does not know goes back as it came. */
export interface Diagnostic {
  loggerId: string
  alwaysLog?: string
  sampling?: { samplingType: string; percentage: number }
  verbosity?: string
  httpCorrelationProtocol?: string
  operationNameFormat?: string
  logClientIp?: boolean
  metrics?: boolean
  frontend?: { request?: Capture; response?: Capture }
  backend?: { request?: Capture; response?: Capture }
  [more: string]: unknown
}

interface Entity<T> {
  id: string
  name: string
  properties: T
}

const VERSION = { 'api-version': '2024-05-01' }
/** One Gatehouse serves one service: which subscription and group does not matter. */
const root = (service: string) =>
  `/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse/providers/Microsoft.ApiManagement/service/${encodeURIComponent(service)}`
const diagnosticAt = (service: string, api: string) =>
  `${root(service)}${api === '' ? '' : `/apis/${encodeURIComponent(api)}`}/diagnostics/applicationinsights`

export async function putLogger(client: Client, service: string, id: string, logger: NewLogger): Promise<void> {
  await client.send('PUT', `${root(service)}/loggers/${encodeURIComponent(id)}`, VERSION, { properties: logger })
}

export async function deleteLogger(client: Client, service: string, id: string): Promise<void> {
  await client.send('DELETE', `${root(service)}/loggers/${encodeURIComponent(id)}`, VERSION, undefined, { 'If-Match': '*' })
}

/** The diagnostic of all APIs (api ''), or of one; undefined when it has none of its own. */
export async function fetchDiagnostic(client: Client, service: string, api: string, signal?: AbortSignal): Promise<Diagnostic | undefined> {
  const list = diagnosticAt(service, api).replace(/\/applicationinsights$/, '')
  const wire = await client.get<{ value?: Entity<Diagnostic>[] | null }>(list, VERSION, signal)
  return (wire.value ?? []).find((one) => one.name.toLowerCase() === 'applicationinsights')?.properties
}

export async function putDiagnostic(client: Client, service: string, api: string, diagnostic: Diagnostic): Promise<void> {
  await client.send('PUT', diagnosticAt(service, api), VERSION, { properties: diagnostic })
}

export async function deleteDiagnostic(client: Client, service: string, api: string): Promise<void> {
  await client.send('DELETE', diagnosticAt(service, api), VERSION, undefined, { 'If-Match': '*' })
}

/** The name of a logger in the id that a diagnostic has of it. */
export const loggerName = (id: string): string => id.slice(id.lastIndexOf('/') + 1)
