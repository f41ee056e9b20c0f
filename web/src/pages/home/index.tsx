import { useMemo } from 'react'
import { useComputedColorScheme } from '@mantine/core'
import { PageHead } from '../../components/page-head'
import { RangePicker } from '../../components/range-picker'
import { useStatus } from '../../components/use-status'
import { useAddress } from '../../lib/address'
import { hues } from '../../lib/palette'
import { plural } from '../../lib/format'
import { ActiveAlerts } from './alerts'
import { ApiTable } from './api-table'
import { Charts } from './charts'
import { RecentFailures } from './failures'
import styles from './home.module.css'
import { Legend } from './legend'
import { useApiNumbers } from './numbers'

/** What the service does now: rates, errors, latency, what fails, what alerts. */
export function Page() {
  const status = useStatus()
  const { search, set } = useAddress()
  const scheme = useComputedColorScheme('light')
  const numbers = useApiNumbers()
  const known = status.data?.apis
  const ids = useMemo(
    () => [...new Set([...(known ?? []).map((api) => api.id), ...numbers.rows.map((row) => row.api)])].sort(),
    [known, numbers.rows],
  )
  const colors = useMemo(() => hues(scheme, ids), [scheme, ids])
  const names = useMemo(() => new Map((known ?? []).map((api) => [api.id, api.name])), [known])
  const nameOf = (id: string) => (id === '' ? 'No API matched' : (names.get(id) ?? id))
  const api = search.api
  return (
    <>
      <PageHead title={api === undefined ? 'Home' : nameOf(api)} note={known && api === undefined ? plural(known.length, 'API') : undefined}>
        <RangePicker />
      </PageHead>
      <div className={styles.page}>
        <Legend ids={ids} colors={colors} nameOf={nameOf} chosen={api} onChoose={(id) => set({ api: id })} />
        <Charts colors={colors} nameOf={nameOf} api={api} />
        <div className={styles.columns}>
          <ApiTable numbers={numbers} colors={colors} nameOf={nameOf} chosen={api} />
          <div className={styles.stack}>
            <ActiveAlerts nameOf={nameOf} />
            <RecentFailures api={api} nameOf={nameOf} />
          </div>
        </div>
      </div>
    </>
  )
}
