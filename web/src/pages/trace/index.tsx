import { useQuery } from '@tanstack/react-query'
import { ApiError } from '../../api/client'
import { fetchTrace } from '../../api/trace'
import { Empty } from '../../components/empty'
import { Failed } from '../../components/failed'
import { PageHead } from '../../components/page-head'
import { PageLink } from '../../components/page-link'
import { useClient } from '../../components/session'
import { useAddress } from '../../lib/address'
import { TraceView } from './trace-view'
import styles from './trace.module.css'

/** Age in ms below which a trace may still grow. */
const YOUNG = 15_000

/** One trace: what ran, when, for how long, and why it ended as it did. */
export function Page() {
  const client = useClient()
  const id = decodeURIComponent(useAddress().path.split('/')[2] ?? '')
  const trace = useQuery({
    queryKey: ['trace', id],
    queryFn: ({ signal }) => fetchTrace(client, id, signal),
    // Another trace is another thing: the old one must not stand in for it.
    placeholderData: undefined,
    staleTime: 10_000,
    // Spans of backends come seconds after the request: look again while it is young.
    refetchInterval: ({ state: { data } }) => (data && Date.now() - Date.parse(data.start) < YOUNG ? 3_000 : false),
  })
  if (trace.data) return <TraceView trace={trace.data} refresh={() => void trace.refetch()} />
  return (
    <>
      <PageHead title={<PageLink to="/traces">Trace</PageLink>} note={<span className="mono">{id}</span>} />
      {trace.error instanceof ApiError && trace.error.status === 404 ? (
        <Empty title="No such trace">
          It may be older than what is kept, not sampled, or still on its way.{' '}
          <button type="button" className={styles.textButton} onClick={() => void trace.refetch()}>
            Look again
          </button>
        </Empty>
      ) : trace.error ? (
        <Failed what="load this trace" error={trace.error} onRetry={() => void trace.refetch()} />
      ) : (
        <p className={styles.loading}>Loading the trace…</p>
      )}
    </>
  )
}
