/** A time range as the URL holds it: either `range=15m` or `from` and `to`. */
export interface Window {
  /** Unix milliseconds. */
  start: number
  end: number
  /** Seconds between two points of a chart. */
  step: number
  /** "Last 15 minutes", or the two ends. */
  label: string
  /** Moves with the clock. */
  live: boolean
}

export const RANGES: readonly { value: string; label: string }[] = [
  { value: '5m', label: 'Last 5 minutes' },
  { value: '15m', label: 'Last 15 minutes' },
  { value: '1h', label: 'Last hour' },
  { value: '3h', label: 'Last 3 hours' },
  { value: '6h', label: 'Last 6 hours' },
  { value: '12h', label: 'Last 12 hours' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '2d', label: 'Last 2 days' },
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
]
export const DEFAULT_RANGE = '15m'
export const REFRESHES = ['off', '5s', '10s', '30s', '1m', '5m'] as const
export const DEFAULT_REFRESH = '10s'

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }

/** "15m" -> milliseconds; undefined when it is not a duration. */
export function parseSpan(text: string | undefined): number | undefined {
  const match = /^(\d{1,4})([smhd])$/.exec(text ?? '')
  const unit = UNITS[match?.[2] ?? '']
  if (!match || unit === undefined) return undefined
  const span = Number(match[1]) * unit
  return span > 0 ? span : undefined
}

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400]

/** The step that gives a chart about 120 points, never below 5 seconds. */
export function stepFor(span: number): number {
  return STEPS.find((step) => step >= span / 1000 / 120) ?? 86400
}

/** Reads a range out of the URL's search; `now` in milliseconds. */
export function readWindow(search: Readonly<Record<string, string>>, now: number): Window {
  const from = Date.parse(search.from ?? '')
  const to = Date.parse(search.to ?? '')
  if (Number.isFinite(from) && Number.isFinite(to) && to > from) {
    return { start: from, end: to, step: stepFor(to - from), label: labelOf(from, to), live: false }
  }
  const value = parseSpan(search.range) === undefined ? DEFAULT_RANGE : (search.range ?? DEFAULT_RANGE)
  const span = parseSpan(value) ?? 9e5
  const known = RANGES.find((range) => range.value === value)?.label ?? `Last ${value}`
  const unread = (search.range !== undefined && search.range !== value) || search.from !== undefined || search.to !== undefined
  const label = unread ? `${known} (the address has no readable time)` : known
  return { start: now - span, end: now, step: stepFor(span), label, live: true }
}

/** The search that holds a fixed range. */
export function fixedRange(start: number, end: number): Record<string, string | undefined> {
  return { range: undefined, from: new Date(start).toISOString(), to: new Date(end).toISOString() }
}

/** Moves a range by half of its length, back (-1) or forward (1), not past now. */
export function shift(window: Window, direction: -1 | 1, now: number): Record<string, string | undefined> {
  const span = window.end - window.start
  const end = Math.min(window.end + (direction * span) / 2, now)
  return fixedRange(end - span, end)
}

function labelOf(from: number, to: number): string {
  const sameDay = new Date(from).toDateString() === new Date(to).toDateString()
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }
  const day: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' }
  const start = new Date(from).toLocaleString(undefined, { ...day, ...time })
  return `${start} – ${new Date(to).toLocaleString(undefined, sameDay ? time : { ...day, ...time })}`
}
