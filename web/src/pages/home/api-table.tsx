import { Explain } from '../../components/explain'
import { Failed } from '../../components/failed'
import { PageLink } from '../../components/page-link'
import { Panel } from '../../components/panel'
import { Stale } from '../../components/stale'
import { useAddress } from '../../lib/address'
import { bytes, duration, percent, rate } from '../../lib/format'
import { type ApiNumbers, type ApiRow, type Column, COLUMNS } from './numbers'
import styles from './home.module.css'
import { NoTraffic } from './no-traffic'

const seconds = (value: number | undefined) => duration(value === undefined ? undefined : value * 1000)

const HEADS: Readonly<Record<Column, { title: string; text: (value: number | undefined) => string }>> = {
  rate: { title: 'Requests', text: rate },
  errors: { title: 'Errors', text: percent },
  p50: { title: 'p50', text: seconds },
  p95: { title: 'p95', text: seconds },
  p99: { title: 'p99', text: seconds },
  bytes: { title: 'Sent', text: (value) => (value === undefined ? bytes(value) : `${bytes(value)}/s`) },
}

interface Props {
  numbers: ApiNumbers
  colors: ReadonlyMap<string, string>
  nameOf: (id: string) => string
  chosen: string | undefined
}

/** Every API over the range; a name leads to its traces, a number to its query. */
export function ApiTable({ numbers, colors, nameOf, chosen }: Props) {
  const { search, set } = useAddress()
  const sort = COLUMNS.find((column) => column === search.sort) ?? 'rate'
  const rows = numbers.rows
    .filter((row) => chosen === undefined || row.api === chosen)
    .sort((a, b) => (b[sort] ?? -1) - (a[sort] ?? -1) || a.api.localeCompare(b.api))
  if (numbers.error && rows.length === 0) {
    return (
      <Panel title="APIs">
        <Failed what="load the APIs" error={numbers.error} onRetry={numbers.retry} />
      </Panel>
    )
  }
  return (
    <Panel title="APIs" aside={numbers.error ? <Stale error={numbers.error} /> : <span className="dim">average over the range</span>} loading={numbers.loading}>
      {numbers.loaded && rows.length === 0 ? (
        <NoTraffic />
      ) : (
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">API</th>
                {COLUMNS.map((column) => (
                  <th key={column} scope="col" aria-sort={column === sort ? 'descending' : 'none'}>
                    <button type="button" onClick={() => set({ sort: column })}>
                      {HEADS[column].title}
                      {column === sort && <span aria-hidden> ↓</span>}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={row.api} row={row} name={nameOf(row.api)} color={colors.get(row.api)} numbers={numbers} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

function Row({ row, name, color, numbers }: { row: ApiRow; name: string; color: string | undefined; numbers: ApiNumbers }) {
  const filters = row.api === '' ? {} : { api: row.api }
  return (
    <tr>
      <th scope="row">
        <i className={styles.dot} style={{ background: color }} />
        <PageLink to="/traces" search={filters} className="link">
          {name}
        </PageLink>
      </th>
      {COLUMNS.map((column) => (
        <td key={column} className={column === 'errors' ? errorTone(row.errors) : undefined}>
          <Explain
            what={`${HEADS[column].title} of ${name}`}
            query={numbers.queries[column]}
            traces={column === 'errors' ? { ...filters, http_status: '5xx' } : filters}
          >
            {HEADS[column].text(row[column])}
          </Explain>
        </td>
      ))}
    </tr>
  )
}

function errorTone(ratio: number | undefined): string | undefined {
  if (ratio === undefined || ratio === 0) return 'dim'
  return ratio >= 0.01 ? 'bad' : 'warn'
}
