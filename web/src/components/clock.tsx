import { useDocumentVisibility, useInterval } from '@mantine/hooks'
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react'
import { useAddress } from '../lib/address'
import { DEFAULT_REFRESH, parseSpan, readWindow, type Window } from '../lib/range'

interface Clock {
  /** Unix milliseconds of the last refresh: every query of a page ends at the same moment. */
  now: number
  refresh: () => void
}

const ClockContext = createContext<Clock | undefined>(undefined)

function useClock(): Clock {
  const clock = useContext(ClockContext)
  if (!clock) throw new Error('useClock needs a ClockProvider above it')
  return clock
}

const seconds = () => Math.floor(Date.now() / 1000) * 1000

/** Moves "now" forward as the URL's refresh says, while the page can be seen. */
export function ClockProvider({ children }: { children: ReactNode }) {
  const { search } = useAddress()
  const visible = useDocumentVisibility() === 'visible'
  const [now, setNow] = useState(seconds)
  const refresh = useCallback(() => setNow(seconds()), [])
  const live = readWindow(search, now).live
  const every = parseSpan(search.refresh ?? (live ? DEFAULT_REFRESH : 'off'))
  const { start, stop } = useInterval(refresh, every ?? 60_000)
  useEffect(() => {
    if (every === undefined || !visible) return
    start()
    return stop
  }, [every, visible, start, stop])
  const clock = useMemo(() => ({ now, refresh }), [now, refresh])
  return <ClockContext value={clock}>{children}</ClockContext>
}

/** The time range of the page and the clock it was read with. */
export function useTimeWindow(): { window: Window; now: number; refresh: () => void } {
  const { now, refresh } = useClock()
  const { search } = useAddress()
  const window = useMemo(() => readWindow(search, now), [search, now])
  return { window, now, refresh }
}
