import { useQueries } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queryInstant, type Sample } from '../../api/prometheus'
import { useTimeWindow } from '../../components/clock'
import { useClient } from '../../components/session'
import { useLatest } from '../../components/use-latest'
import { bytesSent, errorRatio, quantile, requestRate } from '../../lib/promql'

export type Column = 'rate' | 'errors' | 'p50' | 'p95' | 'p99' | 'bytes'

/** One API over the whole range. Rates a second, errors as ratio, latency in seconds. */
export type ApiRow = { api: string } & Partial<Record<Column, number>>

export interface ApiNumbers {
  rows: ApiRow[]
  queries: Readonly<Record<Column, string>>
  loading: boolean
  loaded: boolean
  error: Error | null
  retry: () => void
}

export const COLUMNS: readonly Column[] = ['rate', 'errors', 'p50', 'p95', 'p99', 'bytes']

/** The table's numbers: one instant query a column, each over the whole range. */
export function useApiNumbers(): ApiNumbers {
  const client = useClient()
  const { window } = useTimeWindow()
  const over = `${Math.max(60, Math.round((window.end - window.start) / 1000))}s`
  const queries = useMemo<Record<Column, string>>(
    () => ({
      rate: requestRate('gatehouse_api', over),
      errors: errorRatio('gatehouse_api', over),
      p50: quantile(0.5, 'gatehouse_api', over),
      p95: quantile(0.95, 'gatehouse_api', over),
      p99: quantile(0.99, 'gatehouse_api', over),
      bytes: bytesSent('gatehouse_api', over),
    }),
    [over],
  )
  const answers = useQueries({
    queries: COLUMNS.map((column) => ({
      queryKey: ['instant', queries[column], window.end],
      queryFn: ({ signal }: { signal: AbortSignal }) => queryInstant(client, queries[column], window.end, signal),
    })),
  })
  const loaded = answers[0]?.data !== undefined
  const rows = useLatest(loaded ? join(answers.map((answer) => answer.data)) : undefined)
  return {
    rows: useStable(rows ?? []),
    queries,
    loading: answers.some((answer) => answer.isPending),
    loaded,
    error: answers.find((answer) => answer.error)?.error ?? null,
    retry: () => answers.forEach((answer) => void answer.refetch()),
  }
}

/** The same array as long as its content is the same. */
function useStable(rows: ApiRow[]): ApiRow[] {
  const text = JSON.stringify(rows)
  return useMemo(() => rows, [text])
}

/** One row for each API that any column knows. */
export function join(columns: readonly (readonly Sample[] | undefined)[]): ApiRow[] {
  const rows = new Map<string, ApiRow>()
  columns.forEach((samples, n) => {
    const column = COLUMNS[n]
    if (!column) return
    for (const { labels, value } of samples ?? []) {
      const api = labels.gatehouse_api ?? ''
      const row = rows.get(api) ?? { api }
      if (Number.isFinite(value)) row[column] = value
      rows.set(api, row)
    }
  })
  return [...rows.values()]
}
