import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queryInstant, queryRange } from '../../api/prometheus'
import { align } from '../../charts/align'
import { type Line, TimeSeries } from '../../charts/time-series'
import { useTimeWindow } from '../../components/clock'
import { Explain } from '../../components/explain'
import { Failed } from '../../components/failed'
import { Panel } from '../../components/panel'
import { useClient } from '../../components/session'
import { Stale } from '../../components/stale'
import { useLatest } from '../../components/use-latest'
import { useAddress } from '../../lib/address'
import { duration, percent, rate } from '../../lib/format'
import { errorRatio, type Grouping, quantile, rateWindow, requestRate } from '../../lib/promql'
import { fixedRange } from '../../lib/range'
import styles from './home.module.css'

type Query = (by: Grouping, over: string, api: string | undefined) => string

interface Props {
  colors: ReadonlyMap<string, string>
  nameOf: (id: string) => string
  api: string | undefined
}

const seconds = (value: number) => duration(value * 1000)

/** Requests, errors and latency by API. */
export function Charts(props: Props) {
  return (
    <div className={styles.charts}>
      <Chart {...props} title="Requests" unit="now" query={requestRate} format={rate} filters={{}} />
      <Chart {...props} title="Errors" unit="of requests" query={errorRatio} format={percent} filters={{ http_status: '5xx' }} />
      <Chart
        {...props}
        title="Latency, p95"
        unit="all APIs together"
        query={(by, over, api) => quantile(0.95, by, over, api)}
        format={seconds}
        filters={{}}
      />
    </div>
  )
}

interface ChartProps extends Props {
  title: string
  unit: string
  query: Query
  format: (value: number) => string
  filters: Record<string, string>
}

const HEIGHT = 168

function Chart({ title, unit, query, format, filters, colors, nameOf, api }: ChartProps) {
  const { set } = useAddress()
  const { window } = useTimeWindow()
  const byApi = useRange(query('gatehouse_api', rateWindow(window.step), api))
  const lines = useMemo<Line[]>(
    () =>
      byApi.columns.values.map((values, n) => {
        const id = byApi.series[n]?.labels.gatehouse_api ?? ''
        return { label: nameOf(id), color: colors.get(id) ?? 'gray', values }
      }),
    // nameOf follows colors: both change when the list of APIs does.
    [byApi.columns, byApi.series, colors],
  )
  const traces = { ...filters, ...(api === undefined ? {} : { api }) }
  return (
    <Panel title={title} loading={byApi.fetching} aside={byApi.error && lines.length > 0 && <Stale error={byApi.error} />}>
      <Total title={title} unit={unit} query={query('nothing', rateWindow(window.step), api)} format={format} traces={traces} />
      {byApi.error && lines.length === 0 ? (
        <Failed compact what="load this chart" error={byApi.error} onRetry={byApi.retry} />
      ) : byApi.loaded && lines.length === 0 ? (
        <p className={styles.nothing}>No requests in this range</p>
      ) : (
        <TimeSeries
          label={`${title} by API, ${window.label}`}
          times={byApi.columns.times}
          lines={lines}
          start={byApi.start}
          end={byApi.end}
          format={format}
          height={HEIGHT}
          syncKey="home"
          onZoom={(start, end) => set(fixedRange(start, end))}
        />
      )}
    </Panel>
  )
}

interface TotalProps {
  title: string
  unit: string
  query: string
  format: (value: number) => string
  traces: Record<string, string>
}

/** The value of the whole service at the end of the range. */
function Total({ title, unit, query, format, traces }: TotalProps) {
  const client = useClient()
  const { window } = useTimeWindow()
  const total = useQuery({
    queryKey: ['instant', query, window.end],
    queryFn: ({ signal }) => queryInstant(client, query, window.end, signal),
  })
  const value = useLatest(total.data)?.[0]?.value
  const known = value !== undefined && Number.isFinite(value)
  return (
    <div className={styles.total}>
      <Explain what={title} query={query} traces={traces}>
        <span className={`${styles.big} ${known ? '' : 'dim'}`} data-testid={`total ${title}`}>
          {known ? format(value) : '–'}
        </span>
      </Explain>
      <span className="dim">{window.live ? unit : 'at the end of the range'}</span>
    </div>
  )
}

/** A range query over the page's window, its start on a multiple of the step so that charts do not tremble. */
function useRange(query: string) {
  const client = useClient()
  const { window } = useTimeWindow()
  const step = window.step * 1000
  const start = Math.floor(window.start / step) * step
  const end = Math.floor(window.end / step) * step
  const answer = useQuery({
    queryKey: ['range', query, start, end, window.step],
    queryFn: async ({ signal }) => {
      const series = await queryRange(client, { query, start, end, step: window.step }, signal)
      return { series, start, end, columns: align(series, start, end, window.step) }
    },
  })
  const none = useMemo(() => ({ series: [], start, end, columns: { times: [], values: [] } }), [start, end])
  const shown = useLatest(answer.data)
  return {
    ...(shown ?? none),
    loaded: shown !== undefined,
    fetching: answer.isFetching && answer.isPending,
    error: answer.error,
    retry: () => void answer.refetch(),
  }
}
