/** Text for numbers: short, with a unit, the same everywhere. NaN and undefined become a dash. */
const DASH = '–'

function missing(value: number | undefined): value is undefined {
  return value === undefined || !Number.isFinite(value)
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1).replace(/\.0$/, '')
  return value.toFixed(size >= 1 ? 2 : 3).replace(/\.?0+$/, '')
}

/** Milliseconds -> "850 µs", "12.3 ms", "1.25 s", "3 min". */
export function duration(ms: number | undefined): string {
  if (missing(ms)) return DASH
  if (ms === 0) return '0 ms'
  if (ms < 0.9995) return `${digits(Math.round(ms * 1000))} µs`
  if (ms < 999.5) return `${digits(ms)} ms`
  if (ms < 119_500) return `${digits(ms / 1000)} s`
  return ms < 7_200_000 ? `${digits(ms / 60_000)} min` : `${digits(ms / 3_600_000)} h`
}

/** A plain count: "950", "12.3k", "4.5M". */
export function count(value: number | undefined): string {
  if (missing(value)) return DASH
  const size = Math.abs(value)
  if (size >= 999_500) return `${digits(value / 1e6)}M`
  if (size >= 9_995) return `${digits(value / 1e3)}k`
  return size >= 10 && Number.isInteger(value) ? value.toString() : digits(value)
}

/** Events per second. */
export function rate(value: number | undefined): string {
  if (missing(value)) return DASH
  return value > 0 && value < 0.001 ? '<0.001/s' : `${count(value)}/s`
}

/** A ratio (0 to 1) as percent. */
export function percent(ratio: number | undefined): string {
  if (missing(ratio)) return DASH
  if (ratio > 0 && ratio < 0.0001) return '<0.01%'
  return `${digits(ratio * 100)}%`
}

/** Bytes in decimal units. */
export function bytes(value: number | undefined): string {
  if (missing(value)) return DASH
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let size = value
  while (Math.abs(size) >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(size) : digits(size)} ${units[unit]}`
}

/** How long ago: "now", "12 s", "5 min", "3 h", "2 d". */
export function age(at: number, now: number): string {
  const seconds = Math.max(0, (now - at) / 1000)
  if (!Number.isFinite(seconds)) return DASH
  if (seconds < 2) return 'now'
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** The clock time of a moment, with the day when it is not today's. */
export function clock(at: string | number, now: number, fraction = true): string {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return DASH
  const time = date.toLocaleTimeString(undefined, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false,
    ...(fraction ? { fractionalSecondDigits: 3 } : {}),
  })
  if (date.toDateString() === new Date(now).toDateString()) return time
  return `${date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })}, ${time}`
}

/** "1 span", "2 spans". */
export function plural(n: number, word: string): string {
  return `${count(n)} ${word}${n === 1 ? '' : 's'}`
}
