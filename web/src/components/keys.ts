import { useEffect, useRef } from 'react'

export type Bindings = Readonly<Record<string, () => void>>

/** True where typing must stay typing. */
function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

/** Keys of the page: "?" or "[", and sequences such as "g h". They rest while one types or a dialog is open. */
export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings)
  useEffect(() => {
    latest.current = bindings
  })
  useEffect(() => {
    let first = ''
    let at = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return
      if (document.querySelector('[role="dialog"][aria-modal="true"]')) return
      const sequence = performance.now() - at < 1200 ? `${first} ${event.key}` : ''
      const action = latest.current[sequence] ?? latest.current[event.key]
      first = event.key
      at = performance.now()
      if (!action) return
      event.preventDefault()
      first = ''
      action()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}
