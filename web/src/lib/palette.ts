/** Colours of series and services: told apart by eight hues, each at least 3:1 on its background. */
export type Scheme = 'light' | 'dark'

const HUES: Readonly<Record<Scheme, readonly string[]>> = {
  light: ['#0d7f6a', '#3d6fd8', '#b8661a', '#8d52cc', '#c13c74', '#637f12', '#13809f', '#786a5c'],
  dark: ['#4cc4aa', '#7ea8f8', '#e3a35e', '#bd94f2', '#f088b4', '#a9c75c', '#5ebfdd', '#baab9c'],
}

/** The colour of the n-th series. */
export function hue(scheme: Scheme, n: number): string {
  const hues = HUES[scheme]
  return hues[((n % hues.length) + hues.length) % hues.length] ?? '#888888'
}

/** A colour for each name, stable as long as the sorted names are. */
export function hues(scheme: Scheme, names: readonly string[]): ReadonlyMap<string, string> {
  return new Map([...names].sort().map((name, n) => [name, hue(scheme, n)]))
}
