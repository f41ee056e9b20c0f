import { useRef } from 'react'

/** The newest data there was: what is shown stays when asking again fails. */
export function useLatest<T>(data: T | undefined): T | undefined {
  const latest = useRef(data)
  if (data !== undefined) latest.current = data
  return latest.current
}
