import type { ReactNode } from 'react'
import type { Fields, PolicyStep, SpanEvent, Trace } from '../../api/trace'
import { Copy } from '../../components/copy'
import { PageLink } from '../../components/page-link'
import { bytes, duration, percent } from '../../lib/format'
import type { View } from './timeline'
import styles from './trace.module.css'
import { failed, type Node } from './tree'

interface Props {
  trace: Trace
  node: Node | undefined
  color: string | undefined
  onZoom: (view: View | undefined) => void
}

/** All that is known of the chosen span. */
export function Details({ trace, node, color, onZoom }: Props) {
  if (!node) return <aside className={styles.details} aria-label="Span" />
  const { span } = node
  const zoom = () => onZoom({ from: span.start_ms, to: span.start_ms + Math.max(span.duration_ms, 0.01) })
  return (
    <aside className={styles.details} aria-label="Chosen span" tabIndex={0}>
      <h2 className={styles.spanName}>{span.name}</h2>
      <div className={styles.spanFrom}>
        <i style={{ background: color }} />
        {span.service || 'unknown service'}
        {span.kind && <span className="dim">{span.kind}</span>}
        <button type="button" className={styles.textButton} onClick={zoom}>
          Zoom to span
        </button>
      </div>
      {(span.status_message || failed(span)) && (
        <div className={failed(span) ? styles.failure : styles.message}>{span.status_message || 'This span failed.'}</div>
      )}
      {node.orphan && <div className={styles.message}>Its parent span {span.parent_span_id} is not in this trace.</div>}
      {span.policy && <Policy policy={span.policy} />}
      <Timing trace={trace} node={node} />
      <Table title="Backend call" fields={span.call && { ...span.call, status: span.call.status || 'no response' }} />
      <Table title="Request" fields={span.request} aside={<Similar fields={span.request} />} />
      <Events events={span.events} />
      <Table title="Attributes" fields={span.attributes} />
      <Table title="Ids" fields={{ 'Span id': span.span_id, 'Parent span id': span.parent_span_id }} />
    </aside>
  )
}

function Policy({ policy }: { policy: PolicyStep }) {
  const source = policy.file ? `${policy.file}${policy.line > 0 ? `:${policy.line}` : ''}` : ''
  return (
    <Section title="Policy statement">
      <dl className={styles.fields}>
        <Pair name="Section">{policy.section}</Pair>
        <Pair name="Scope">{policy.scope}</Pair>
        {source && (
          <Pair name="Source">
            <span className={`${styles.source} mono`}>{source}</span> <Copy value={source} label="Copy file and line" />
          </Pair>
        )}
        {policy.id && <Pair name="Id">{policy.id}</Pair>}
        {policy.fragment && <Pair name="Fragment">{policy.fragment}</Pair>}
        <Pair name="Outcome">
          <span className={policy.outcome === 'ok' || policy.outcome === '' ? undefined : policy.outcome === 'returned' ? 'warn' : 'bad'}>
            {policy.outcome || 'ok'}
          </span>
        </Pair>
      </dl>
    </Section>
  )
}

function Timing({ trace, node }: { trace: Trace; node: Node }) {
  const { span } = node
  const critical = trace.critical_path
    .filter((segment) => segment.span_id === span.span_id)
    .reduce((sum, segment) => sum + segment.to_ms - segment.from_ms, 0)
  const part = (ms: number) => `${duration(ms)} (${percent(ms / Math.max(trace.duration_ms, 0.001))} of the trace)`
  return (
    <Section title="Time">
      <dl className={styles.fields}>
        <Pair name="Duration">{part(span.duration_ms)}</Pair>
        <Pair name="Starts at">{duration(span.start_ms)}</Pair>
        {node.children.length > 0 && <Pair name={span.request ? 'Unaccounted' : 'Own work'}>{node.selfMs < 0.0005 ? 'none' : part(node.selfMs)}</Pair>}
        {critical > 0 && <Pair name="Critical path">{part(critical)}</Pair>}
      </dl>
    </Section>
  )
}

/** A way to the other traces of the same operation. */
function Similar({ fields }: { fields: Fields | undefined }) {
  const api = fields?.api
  const operation = fields?.operation
  if (typeof api !== 'string' || api === '') return null
  const search = { api, ...(typeof operation === 'string' && operation !== '' ? { operation } : {}) }
  return (
    <PageLink to="/traces" search={search} className={styles.textButton}>
      Similar traces
    </PageLink>
  )
}

function Table({ title, fields, aside }: { title: string; fields: Fields | undefined; aside?: ReactNode }) {
  const entries = Object.entries(fields ?? {}).filter(([, value]) => value !== '' && value !== null && value !== undefined)
  if (entries.length === 0) return null
  return (
    <Section title={title} aside={aside}>
      <dl className={styles.fields}>
        {entries.map(([name, value]) => (
          <Pair key={name} name={title === 'Attributes' ? name : label(name)}>
            <span className={typeof value === 'object' ? 'mono' : undefined}>{show(value, name)}</span>
          </Pair>
        ))}
      </dl>
    </Section>
  )
}

function Events({ events }: { events: readonly SpanEvent[] }) {
  if (events.length === 0) return null
  return (
    <Section title="Events">
      {events.map((event, n) => (
        <div key={n} className={styles.event}>
          <strong>{event.name}</strong> {event.time !== undefined && <span className="dim num">{String(event.time)}</span>}
          <dl className={styles.fields}>
            {Object.entries(event.attributes ?? {}).map(([name, value]) => (
              <Pair key={name} name={name}>
                {show(value)}
              </Pair>
            ))}
          </dl>
        </div>
      ))}
    </Section>
  )
}

function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.section}>
      <h3>
        {title} {aside}
      </h3>
      {children}
    </section>
  )
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

function show(value: unknown, name = ''): string {
  if (typeof value === 'number' && name.endsWith('_ms')) return duration(value)
  if (typeof value === 'number' && name.endsWith('_bytes')) return bytes(value)

  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

const SHORT = /\b(api|url|ip|id)\b/g

/** "backend_ms" -> "Backend", "client_ip" -> "Client IP": names of our own fields. */
function label(name: string): string {
  const words = name.replace(/_ms$/, '').replaceAll('_', ' ').replace(SHORT, (word) => word.toUpperCase())
  return words.charAt(0).toUpperCase() + words.slice(1)
}
