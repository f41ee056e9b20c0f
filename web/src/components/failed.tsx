import { Button } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { ApiError } from '../api/client'
import styles from './states.module.css'

interface Props {
  /** Completes "Could not …". */
  what: string
  error: Error
  onRetry: () => void
  compact?: boolean
}

/** An error with its reason and a way to try again. */
export function Failed({ what, error, onRetry, compact }: Props) {
  const signedOut = error instanceof ApiError && error.status === 401
  return (
    <div className={compact ? styles.compact : styles.state} role="alert">
      <IconAlertTriangle size={18} className="bad" aria-hidden />
      <div>
        <strong>Could not {what}</strong>
        <div className="dim">{signedOut ? 'Sign in with the admin token first.' : error.message}</div>
      </div>
      <Button size="compact-sm" variant="default" onClick={onRetry}>
        Try again
      </Button>
    </div>
  )
}
