import { Popover, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { Status } from '../api/status'
import { age, plural } from '../lib/format'
import { useTimeWindow } from './clock'
import { Copy } from './copy'
import styles from './service-state.module.css'
import { useStatus } from './use-status'

/** Which service runs, in which revision, and what is wrong with it. */
export function ServiceState() {
  const status = useStatus()
  const { now } = useTimeWindow()
  if (!status.data) {
    return <div className={styles.box}>{status.isError ? <span className="bad">Not connected</span> : <span className="dim">Connecting…</span>}</div>
  }
  const { service, version, revision, gateway } = status.data
  return (
    <div className={styles.box}>
      <strong className="cut">{service || 'No service'}</strong>
      {gateway.map((address) => (
        <div key={address} className={styles.address}>
          <span className="mono cut">{address.replace(/^https?:\/\//, '')}</span>
          <Copy value={address} label="Copy gateway address" />
        </div>
      ))}
      <div className="dim">
        Revision {revision.id.slice(0, 10) || '–'}, {loaded(Date.parse(revision.loaded), now)}
      </div>
      <div className="dim">Version {version || '–'}</div>
      <Problems status={status.data} />
    </div>
  )
}

function loaded(at: number, now: number): string {
  if (!Number.isFinite(at)) return 'not loaded'
  const text = age(at, now)
  return text === 'now' ? 'just loaded' : `${text} old`
}

function Problems({ status }: { status: Status }) {
  const { revision, warnings } = status
  if (revision.error === undefined && warnings.length === 0) return null
  return (
    <Popover position="right-end" width={420}>
      <Popover.Target>
        <UnstyledButton className={revision.error === undefined ? styles.warn : styles.bad}>
          <IconAlertTriangle size={14} aria-hidden />
          {revision.error === undefined ? plural(warnings.length, 'warning') : 'Last change was refused'}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={styles.problems}>
        {revision.error !== undefined && (
          <div>
            <strong className="bad">The last change does not compile; the revision before it still serves.</strong>
            <pre className={styles.error}>{revision.error}</pre>
          </div>
        )}
        {warnings.map((warning) => (
          <div key={`${warning.resource} ${warning.message}`}>
            <div className="mono dim">{warning.resource}</div>
            {warning.message}
          </div>
        ))}
      </Popover.Dropdown>
    </Popover>
  )
}
