import { useQuery } from '@tanstack/react-query'
import { searchTraces } from '../../api/traces'
import { useTimeWindow } from '../../components/clock'
import { Failed } from '../../components/failed'
import { PageLink } from '../../components/page-link'
import { Panel } from '../../components/panel'
import { useClient } from '../../components/session'
import { Stale } from '../../components/stale'
import { HttpStatus } from '../../components/status-mark'
import { useLatest } from '../../components/use-latest'
import { age, count, duration } from '../../lib/format'
import styles from './home.module.css'

const SHOWN = 6

/** The newest traces that failed in the range. */
export function RecentFailures({ api, nameOf }: { api: string | undefined; nameOf: (id: string) => string }) {
  const client = useClient()
  const { window, now } = useTimeWindow()
  // A request that was saved by a retry did not fail, though a span in it did.
  const filters = { http_status: '5xx', ...(api === undefined ? {} : { api }) }
  const found = useQuery({
    queryKey: ['traces', filters, window.start, window.end, SHOWN],
    queryFn: ({ signal }) => searchTraces(client, { start: window.start, end: window.end, limit: SHOWN, filters }, signal),
  })
  const data = useLatest(found.data)
  const list = data?.traces ?? []
  const all = data && data.total > list.length ? `All ${count(data.total)}` : 'Open in Traces'
  return (
    <Panel
      title="Recent failures"
      loading={found.isPending}
      aside={
        found.error && data ? <Stale error={found.error} /> : list.length > 0 && (
          <PageLink to="/traces" search={filters} className={styles.more}>
            {all}
          </PageLink>
        )
      }
    >
      {found.error && !data && <Failed compact what="load the failures" error={found.error} onRetry={() => void found.refetch()} />}
      {data && list.length === 0 && <p className={styles.quiet}>Nothing failed in this range.</p>}
      <ul className={styles.list}>
        {list.map((trace) => (
          <li key={trace.trace_id}>
            <PageLink to={`/traces/${trace.trace_id}`} className={styles.item}>
              <HttpStatus code={trace.http_status} />
              <span className="cut">
                <strong>{trace.operation || trace.root_name}</strong>
                <span className="dim"> {trace.api ? nameOf(trace.api) : trace.service}</span>
              </span>
              <span className={`${styles.when} dim num`}>{age(Date.parse(trace.start), now)}</span>
              <span className={`${styles.detail} dim cut`}>
                {trace.error_reason || trace.outcome || 'failed'}, {duration(trace.duration_ms)}
              </span>
            </PageLink>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
