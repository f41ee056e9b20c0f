import type { ErrorComponentProps } from '@tanstack/react-router'
import { Failed } from './failed'

/** Shown instead of a page whose code failed. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const known = error instanceof Error ? error : new Error('Unknown error')
  return <Failed what="show this page" error={known} onRetry={reset} />
}
