import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { FILTERS, type Filters, searchTraces } from '../../api/traces'
import { LatencyHistogram } from '../../charts/histogram'
import { useTimeWindow } from '../../components/clock'
import { Failed } from '../../components/failed'
import { PageHead } from '../../components/page-head'
import { Panel } from '../../components/panel'
import { RangePicker } from '../../components/range-picker'
import { useClient } from '../../components/session'
import { useLatest } from '../../components/use-latest'
import { type Search, useAddress } from '../../lib/address'
import { count, plural } from '../../lib/format'
import { FilterForm } from './filter-form'
import { NoTraces } from './no-traces'
import { Results } from './results'
import { SearchBar } from './search-bar'
import styles from './traces.module.css'

const PAGE = 100
const MOST = 500

/** The filters that the URL holds. */
function readFilters(search: Search): Filters {
  return Object.fromEntries(FILTERS.flatMap((name) => (search[name] === undefined ? [] : [[name, search[name]]])))
}

/** Search of traces: filters, their latency, the newest of them. */
export function Page() {
  const client = useClient()
  const { search, set } = useAddress()
  const { window } = useTimeWindow()
  const filters = useMemo(() => readFilters(search), [search])
  const limit = Math.min(MOST, Math.max(PAGE, Number(search.limit) || PAGE))
  const found = useQuery({
    queryKey: ['traces', filters, window.start, window.end, limit],
    queryFn: ({ signal }) => searchTraces(client, { start: window.start, end: window.end, limit, filters }, signal),
    placeholderData: keepPreviousData,
  })
  const data = useLatest(found.data)
  return (
    <>
      <PageHead title="Traces" note={data && <Summary shown={data.traces.length} total={data.total} partial={data.partial} />}>
        <RangePicker />
      </PageHead>
      <div className={styles.page}>
        <FilterForm filters={filters} />
        <div className={styles.results}>
          <SearchBar filters={filters} />
          <Panel
            title="Latency"
            loading={found.isPending || (found.isFetching && found.isPlaceholderData)}
            aside={<span className="dim">Drag across bars to filter by duration (square-root scale)</span>}
          >
            <div className={styles.histogram}>
              <LatencyHistogram
                boundsMs={data?.histogram.bounds_ms ?? []}
                counts={data?.histogram.counts ?? []}
                errors={data?.histogram.errors ?? []}
                height={112}
                onBrush={(min, max) => set({ min_duration_ms: text(min), max_duration_ms: text(max) })}
              />
            </div>
          </Panel>
          {found.error && !data && <Failed what="search the traces" error={found.error} onRetry={() => void found.refetch()} />}
          {found.error && data && <Failed compact what="refresh; these are older results" error={found.error} onRetry={() => void found.refetch()} />}
          {data && data.traces.length === 0 && <NoTraces filtered={Object.keys(filters).length > 0} />}
          {data && data.traces.length > 0 && <Results traces={data.traces} />}
          {data && data.traces.length >= limit && limit < MOST && data.total > data.traces.length && (
            <button type="button" className={styles.more} onClick={() => set({ limit: String(Math.min(MOST, limit * 3)) }, { replace: true })}>
              Show more
            </button>
          )}
        </div>
      </div>
    </>
  )
}

function text(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : String(Number(ms.toPrecision(6)))
}

function Summary({ shown, total, partial }: { shown: number; total: number; partial: boolean }) {
  return (
    <span className="num" data-testid="found">
      {total > shown ? `Traces of the newest ${count(shown)} of ${plural(total, 'request')}` : plural(total, 'request')}
      {partial && <span className="warn">, part of the range was not searched</span>}
    </span>
  )
}
