/** An answer that is not the data asked for. Status 0: no answer at all. */
export class ApiError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

export type Params = Readonly<Record<string, string | number | undefined>>

/** Where the admin token is kept between reloads: this tab only. */
export interface TokenStore {
  read: () => string | undefined
  write: (token: string | undefined) => void
}

export interface Client {
  get: <T>(path: string, params?: Params, signal?: AbortSignal) => Promise<T>
  /** Changes something. A body is sent as JSON; an answer without one is undefined. */
  send: <T>(method: 'POST' | 'PUT' | 'DELETE', path: string, params?: Params, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<T | undefined>
}

/** Calls the APIs of this origin; `refused` hears of every 401, with the token that was sent. */
export function createClient(tokens: TokenStore, refused: (sent: string | undefined) => void, origin = ''): Client {
  const call = async (path: string, params: Params, init: RequestInit) => {
    const headers: Record<string, string> = { Accept: 'application/json', ...(init.headers as Record<string, string> | undefined) }
    const token = tokens.read()
    if (token !== undefined) headers.Authorization = `Bearer ${token}`
    const response = await answer(origin + path + query(params), { ...init, headers })
    if (response.status === 401) refused(token)
    if (!response.ok) throw new ApiError(response.status, await reason(response))
    return response
  }
  return {
    async get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
      return (await (await call(path, params, { signal: signal ?? null })).json()) as T
    },
    async send<T>(method: string, path: string, params: Params = {}, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T | undefined> {
      const json = body === undefined ? {} : { body: JSON.stringify(body) }
      const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' }
      const response = await call(path, params, { method, ...json, headers: { ...type, ...headers } })
      const text = await response.text()
      return text.trim() === '' ? undefined : (JSON.parse(text) as T)
    },
  }
}

async function answer(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError(0, 'Gatehouse does not answer. Is it still running?')
  }
}

function query(params: Params): string {
  const out = new URLSearchParams()
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') out.set(key, String(value))
  }
  const text = out.toString()
  return text === '' ? '' : `?${text}`
}

/** The message of an error answer: Prometheus, Alertmanager and our own shapes, or plain text. */
async function reason(response: Response): Promise<string> {
  const text = (await response.text()).trim()
  try {
    const found = messageIn(JSON.parse(text))
    if (found !== undefined) return found
  } catch {
    // not JSON
  }
  if (text !== '' && text.length < 400 && !text.startsWith('<')) return text
  return `The answer was ${response.status} ${response.statusText}`.trim()
}

function messageIn(body: unknown): string | undefined {
  if (typeof body === 'string') return body
  if (typeof body !== 'object' || body === null) return undefined
  if ('error' in body) return messageIn(body.error)
  if ('message' in body && typeof body.message === 'string') return body.message + fieldsIn(body)
  return undefined
}

/** What is wrong with each parameter, when the answer says so. */
function fieldsIn(body: object): string {
  if (!('fields' in body) || typeof body.fields !== 'object' || body.fields === null) return ''
  const wrong = Object.entries(body.fields).map(([name, problem]) => `${name} ${String(problem)}`)
  return wrong.length === 0 ? '' : `: ${wrong.join('; ')}`
}
