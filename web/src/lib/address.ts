import { useLocation, useRouter } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'

/** The part of the URL after "?", as text. View state lives here and nowhere else. */
export type Search = Readonly<Record<string, string>>
export type Patch = Readonly<Record<string, string | undefined>>

/** What follows from page to page. */
const KEPT = ['range', 'from', 'to', 'refresh'] as const

export function parseSearch(text: string): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [key, value] of new URLSearchParams(text)) if (value !== '') out[key] = value
  return out
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(search)) {
    if (typeof value === 'string' && value !== '') params.set(key, value)
  }
  const text = params.toString()
  return text === '' ? '' : `?${text}`
}

/** The address of a page; the time range of `current` goes along. */
export function hrefTo(path: string, search: Patch, current: Search): string {
  const kept: Record<string, string | undefined> = {}
  for (const key of KEPT) kept[key] = current[key]
  return path + stringifySearch({ ...kept, ...search })
}

export interface Address {
  path: string
  search: Search
  /** Changes the search of this page; undefined removes. One step of the back button unless `replace`. */
  set: (patch: Patch, options?: { replace?: boolean }) => void
  /** Goes to another page, keeping the time range. */
  go: (path: string, search?: Patch) => void
}

export function useAddress(): Address {
  const router = useRouter()
  const location = useLocation()
  const path = location.pathname
  const text = location.searchStr
  const search = useMemo(() => parseSearch(text), [text])
  const set = useCallback<Address['set']>(
    (patch, options) => {
      const now = router.history.location
      const href = now.pathname + stringifySearch({ ...parseSearch(now.search), ...patch })
      if (href === now.pathname + now.search) return
      if (options?.replace) router.history.replace(href)
      else router.history.push(href)
    },
    [router],
  )
  const go = useCallback<Address['go']>(
    (to, patch) => router.history.push(hrefTo(to, patch ?? {}, parseSearch(router.history.location.search))),
    [router],
  )
  return useMemo(() => ({ path, search, set, go }), [path, search, set, go])
}
