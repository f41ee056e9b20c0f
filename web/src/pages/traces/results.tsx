import { type KeyboardEvent, useRef } from 'react'
import type { TraceSummary } from '../../api/traces'
import { useTimeWindow } from '../../components/clock'
import { useKeys } from '../../components/keys'
import { PageLink } from '../../components/page-link'
import { HttpStatus } from '../../components/status-mark'
import { useStatus } from '../../components/use-status'
import { useAddress } from '../../lib/address'
import { clock, duration } from '../../lib/format'
import styles from './traces.module.css'

/** The found traces, newest first; a row opens its trace. */
export function Results({ traces }: { traces: readonly TraceSummary[] }) {
  const names = new Map((useStatus().data?.apis ?? []).map((api) => [api.id, api.name]))
  const table = useRef<HTMLTableElement>(null)
  useKeys({ ArrowDown: () => table.current?.querySelector<HTMLAnchorElement>('a[data-row]')?.focus() })
  const slowest = Math.max(...traces.map((trace) => trace.duration_ms), 0.001)
  return (
    <div className={styles.scroll}>
      <table ref={table} className={styles.table} onKeyDown={moveFocus}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Request</th>
            <th scope="col">API</th>
            <th scope="col">Product</th>
            <th scope="col">Subscription</th>
            <th scope="col">Status</th>
            <th scope="col" className={styles.right}>
              Duration
            </th>
            <th scope="col" className={styles.right}>
              Spans
            </th>
          </tr>
        </thead>
        <tbody>
          {traces.map((trace) => (
            <Row key={trace.trace_id} trace={trace} api={names.get(trace.api) ?? trace.api} slowest={slowest} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ trace, api, slowest }: { trace: TraceSummary; api: string; slowest: number }) {
  const { now } = useTimeWindow()
  const { go } = useAddress()
  const to = `/traces/${trace.trace_id}`
  const failed = trace.status === 'error'
  const why = trace.error_reason || (trace.outcome === 'ok' ? '' : trace.outcome)
  return (
    <tr className={styles.row} onClick={(event) => !(event.target instanceof HTMLAnchorElement) && go(to)}>
      <td className="num dim">
        <PageLink to={to} data-row aria-label={`Open trace of ${trace.root_name || trace.trace_id} at ${clock(trace.start, now)}`}>
          {clock(trace.start, now)}
        </PageLink>
      </td>
      <td className={styles.request}>
        <span className={styles.name}>{trace.root_name || trace.operation || '–'}</span>
        {failed && why && <span className="bad"> {why}</span>}
      </td>
      <td>{api || <span className="dim">{trace.service}</span>}</td>
      <td>{trace.product}</td>
      <td>{trace.subscription}</td>
      <td>
        <HttpStatus code={trace.http_status} />
      </td>
      <td className={styles.right}>
        <span className="num">{duration(trace.duration_ms)}</span>
        <span className={styles.meter} aria-hidden>
          <i data-failed={failed} style={{ width: `${Math.max(2, Math.sqrt(trace.duration_ms / slowest) * 100)}%` }} />
        </span>
      </td>
      <td className={`${styles.right} num dim`}>
        {trace.spans}
        {trace.errors > 0 && <span className="bad"> ({trace.errors})</span>}
      </td>
    </tr>
  )
}

/** Up and down walk the rows once one of them has the focus. */
function moveFocus(event: KeyboardEvent<HTMLTableElement>) {
  const direction = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (direction === 0) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>('a[data-row]')]
  const here = rows.findIndex((row) => row === document.activeElement)
  const next = rows[here + direction]
  if (here < 0 || !next) return
  event.preventDefault()
  next.focus()
}
