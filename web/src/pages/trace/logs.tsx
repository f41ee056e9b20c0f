import { Switch } from '@mantine/core'
import type { Trace, TraceLog } from '../../api/trace'
import { Severity } from '../../components/status-mark'
import { useAddress } from '../../lib/address'
import { duration } from '../../lib/format'
import styles from './trace.module.css'
import type { TraceState } from './use-trace'

/** The log records of the trace; a record leads to its span. */
export function Logs({ trace, state }: { trace: Trace; state: TraceState }) {
  const { set } = useAddress()
  const id = state.selected?.span.span_id
  const shown = state.logsOfSpan ? trace.logs.filter((log) => log.span_id === id) : trace.logs
  return (
    <section className={styles.logs} aria-label="Logs">
      <header className={styles.logsHead}>
        <h2>Logs</h2>
        <span className="dim num">{trace.logs.length === 0 ? 'none were recorded for this trace' : shown.length}</span>
        {trace.logs.length > 0 && (
          <Switch
            size="xs"
            label="Chosen span only"
            checked={state.logsOfSpan}
            onChange={(event) => set({ logs: event.currentTarget.checked ? 'span' : undefined }, { replace: true })}
          />
        )}
      </header>
      {shown.length > 0 && (
        <ol className={styles.logList} tabIndex={0} aria-label="Log records">
          {shown.map((log, n) => (
            <Record key={n} log={log} trace={trace} state={state} />
          ))}
        </ol>
      )}
    </section>
  )
}

function Record({ log, trace, state }: { log: TraceLog; trace: Trace; state: TraceState }) {
  const node = state.nodes.get(log.span_id)
  const offset = Date.parse(log.time) - Date.parse(trace.start)
  const extra = Object.entries(log.attributes)
  return (
    <li className={styles.log}>
      <span className="dim num">{Number.isFinite(offset) ? duration(Math.max(0, offset)) : '–'}</span>
      <Severity value={log.severity} />
      <span className={styles.logBody}>
        {log.body}
        {extra.length > 0 && <span className="dim"> {extra.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(' ')}</span>}
      </span>
      {node && (
        <button type="button" className={`${styles.textButton} cut`} onClick={() => state.select(log.span_id)}>
          {node.span.name}
        </button>
      )}
    </li>
  )
}
