import { Tooltip, useComputedColorScheme } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useMemo } from 'react'
import type { Trace } from '../../api/trace'
import { useTimeWindow } from '../../components/clock'
import { Copy } from '../../components/copy'
import { useKeys } from '../../components/keys'
import { PageHead } from '../../components/page-head'
import { PageLink } from '../../components/page-link'
import { HttpStatus } from '../../components/status-mark'
import { clock, duration, percent, plural } from '../../lib/format'
import { hues } from '../../lib/palette'
import { Details } from './details'
import { Logs } from './logs'
import styles from './trace.module.css'
import { longest } from './timeline'
import { failed } from './tree'
import { type TraceState, useTrace } from './use-trace'
import { Waterfall } from './waterfall'

/** A loaded trace: head, waterfall, details of the chosen span, logs. */
export function TraceView({ trace, refresh }: { trace: Trace; refresh: () => void }) {
  const state = useTrace(trace)
  const scheme = useComputedColorScheme('light')
  const services = useMemo(() => [...new Set([...trace.services, ...trace.spans.map((span) => span.service)])].filter((name) => name !== ''), [trace])
  const colors = useMemo(() => hues(scheme, services), [scheme, services])
  const clipboard = useClipboard({ timeout: 1500 })
  useKeys({ ...state.keys, c: () => clipboard.copy(trace.trace_id), r: refresh })
  return (
    <div className={styles.page}>
      <Head trace={trace} services={services} colors={colors} copied={clipboard.copied} />
      <TimeSpent trace={trace} state={state} colors={colors} />
      {trace.warnings.length > 0 && (
        <div className={styles.warnings} role="note">
          <IconAlertTriangle size={15} aria-hidden />
          <div>
            {trace.warnings.map((warning) => (
              <div key={warning}>{warning}</div>
            ))}
          </div>
        </div>
      )}
      <div className={styles.split}>
        <div className={styles.left}>
          <Waterfall trace={trace} state={state} colors={colors} />
          <Logs trace={trace} state={state} />
        </div>
        <Details trace={trace} node={state.selected} color={colors.get(state.selected?.span.service ?? '')} onZoom={state.zoomTo} />
      </div>
    </div>
  )
}

/** Leads to the spans that the time went to. */
function TimeSpent({ trace, state, colors }: { trace: Trace; state: TraceState; colors: ReadonlyMap<string, string> }) {
  const shares = useMemo(() => longest(trace.critical_path, trace.duration_ms, 3), [trace])
  if (shares.length === 0) return null
  return (
    <div className={styles.spent} role="group" aria-label="Where the time went">
      <span className="dim">Most of the time:</span>
      {shares.map(({ id, ms, part }) => {
        const span = state.nodes.get(id)?.span
        return (
          span && (
            <button key={id} type="button" aria-pressed={state.selected?.span.span_id === id} onClick={() => state.select(id)}>
              <i style={{ background: colors.get(span.service) }} />
              <b>{span.name}</b> <span className="num">{duration(ms)}, {percent(part)}</span>
            </button>
          )
        )
      })}
    </div>
  )
}

interface HeadProps {
  trace: Trace
  services: readonly string[]
  colors: ReadonlyMap<string, string>
  copied: boolean
}

function Head({ trace, services, colors, copied }: HeadProps) {
  const { now } = useTimeWindow()
  const root = trace.spans.find((span) => span.parent_span_id === '') ?? trace.spans[0]
  const failures = trace.spans.filter(failed).length
  const status = statusOf(root?.request ?? root?.attributes ?? {})
  return (
    <PageHead
      title={
        <span className={styles.title}>
          <PageLink to="/traces" className={`${styles.crumb} link`}>
            Traces
          </PageLink>
          <span className="dim" aria-hidden>
            /
          </span>
          {root?.name ?? 'Trace'}
          {status > 0 && <HttpStatus code={status} />}
        </span>
      }
      note={
        <span className="num">
          <b className={styles.total}>{duration(trace.duration_ms)}</b>, {plural(trace.spans.length, 'span')}
          {failures > 0 && <span className="bad">, {failures} failed</span>}, {clock(trace.start, now)}
        </span>
      }
    >
      <span className={styles.services} role="list" aria-label="Services">
        {services.map((service) => (
          <span key={service} role="listitem">
            <i style={{ background: colors.get(service) }} />
            {service}
          </span>
        ))}
      </span>
      <Tooltip label="Press c to copy">
        <span className={`${styles.id} mono`}>{copied ? 'Copied' : trace.trace_id}</span>
      </Tooltip>
      <Copy value={trace.trace_id} label="Copy trace id" />
    </PageHead>
  )
}

function statusOf(fields: Readonly<Record<string, unknown>>): number {
  for (const key of ['status', 'http_status', 'status_code', 'http.response.status_code', 'http.status_code']) {
    const value = Number(fields[key])
    if (Number.isInteger(value) && value >= 100 && value <= 599) return value
  }
  return 0
}
