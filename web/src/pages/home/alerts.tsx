import { useQuery } from '@tanstack/react-query'
import { type Alert, fetchAlerts } from '../../api/alertmanager'
import { useTimeWindow } from '../../components/clock'
import { Failed } from '../../components/failed'
import { PageLink } from '../../components/page-link'
import { Panel } from '../../components/panel'
import { useClient } from '../../components/session'
import { Stale } from '../../components/stale'
import { Severity } from '../../components/status-mark'
import { useLatest } from '../../components/use-latest'
import { age } from '../../lib/format'
import styles from './home.module.css'

/** Alerts that fire now, worst first. */
export function ActiveAlerts({ nameOf }: { nameOf: (id: string) => string }) {
  const client = useClient()
  const { now } = useTimeWindow()
  const alerts = useQuery({ queryKey: ['alerts', now], queryFn: ({ signal }) => fetchAlerts(client, signal) })
  const data = useLatest(alerts.data)
  const list = data ?? []
  return (
    <Panel title="Alerts" aside={alerts.error && data ? <Stale error={alerts.error} /> : list.length > 0 && <span className="dim num">{list.length} active</span>} loading={alerts.isPending}>
      {alerts.error && !data && <Failed compact what="load the alerts" error={alerts.error} onRetry={() => void alerts.refetch()} />}
      {data && list.length === 0 && <p className={styles.quiet}>No alert is active.</p>}
      <ul className={styles.list}>
        {list.map((alert) => (
          <AlertRow key={alert.fingerprint} alert={alert} now={now} nameOf={nameOf} />
        ))}
      </ul>
    </Panel>
  )
}

function AlertRow({ alert, now, nameOf }: { alert: Alert; now: number; nameOf: (id: string) => string }) {
  const api = alert.labels.gatehouse_api
  const search = { ...(api ? { api } : {}), ...(/error|fail|5xx/i.test(alert.name) ? { status: 'error' } : {}) }
  return (
    <li>
      <PageLink to="/traces" search={search} className={`${styles.item} ${styles.alert}`}>
        <Severity value={alert.severity} />
        <span className="cut">
          <strong>{alert.name}</strong>
          {api && <span className="dim"> {nameOf(api)}</span>}
        </span>
        <span className={`${styles.when} dim num`}>for {age(Date.parse(alert.since), now)}</span>
        {alert.summary && <span className={`${styles.detail} dim`}>{alert.summary}</span>}
      </PageLink>
    </li>
  )
}
