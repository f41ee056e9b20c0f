import { Button, Modal } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Diagnostic, fetchDiagnostic, loggerName } from '../../api/management'
import type { ApiSummary } from '../../api/status'
import { Failed } from '../../components/failed'
import { Panel } from '../../components/panel'
import { useClient } from '../../components/session'
import { useAddress } from '../../lib/address'
import { DiagnosticForm } from './diagnostic-form'
import styles from './telemetry.module.css'

/** In the URL, for the diagnostic of all APIs. */
const ALL = '*'

interface Row {
  /** '' stands for all APIs. */
  api: string
  name: string
  diagnostic: Diagnostic | undefined
}

/** What is recorded of all APIs, and of each that has a diagnostic of its own. */
export function Diagnostics({ service, apis }: { service: string; apis: readonly ApiSummary[] }) {
  const client = useClient()
  const { search, set } = useAddress()
  const scopes = [{ id: '', name: 'All APIs' }, ...apis]
  const rows = useQuery({
    queryKey: ['diagnostics', service, scopes.map((scope) => scope.id)],
    queryFn: ({ signal }) =>
      Promise.all(scopes.map(async ({ id, name }): Promise<Row> => ({ api: id, name, diagnostic: await fetchDiagnostic(client, service, id, signal) }))),
  })
  const edited = rows.data?.find((row) => (row.api || ALL) === search.diagnostic)
  const close = () => set({ diagnostic: undefined })
  const all = rows.data?.[0]?.diagnostic
  return (
    <Panel title="Diagnostics logs" aside={<span className="dim">An API's own diagnostic stands in for that of all APIs</span>} loading={rows.isPending}>
      {rows.error && !rows.data && <Failed compact what="load the diagnostics" error={rows.error} onRetry={() => void rows.refetch()} />}
      {rows.data && (
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                {['API', 'Destination', 'Sampling', 'Errors', 'Bodies', ''].map((title) => (
                  <th key={title} scope="col">
                    {title || <span className="hidden-visually">Actions</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.data.map((row) => (
                <DiagnosticRow key={row.api} row={row} inherited={row.api === '' ? undefined : all} onEdit={() => set({ diagnostic: row.api || ALL })} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Modal transitionProps={{ duration: 0 }} closeButtonProps={{ 'aria-label': 'Close' }} opened={edited !== undefined} onClose={close} title={edited ? `Diagnostics logs of ${edited.name}` : ''} size={620}>
        {edited && <DiagnosticForm key={edited.api} service={service} api={edited.api} current={edited.diagnostic} onDone={close} />}
      </Modal>
    </Panel>
  )
}

function DiagnosticRow({ row, inherited, onEdit }: { row: Row; inherited: Diagnostic | undefined; onEdit: () => void }) {
  const d = row.diagnostic ?? inherited
  return (
    <tr className={row.diagnostic ? undefined : 'dim'}>
      <th scope="row">{row.name}</th>
      <td>
        {d ? loggerName(d.loggerId) : 'everything, in the default workspace'}
        {!row.diagnostic && d && ', as all APIs'}
      </td>
      <td className="num">{d ? `${d.sampling?.percentage ?? 100} %` : ''}</td>
      <td>{d ? (d.alwaysLog ? 'all of them' : 'as sampled') : ''}</td>
      <td className="num">{d ? bodies(d) : ''}</td>
      <td className={styles.actions}>
        <Button size="compact-xs" variant="default" aria-label={`Settings of ${row.name}`} onClick={onEdit}>
          Settings
        </Button>
      </td>
    </tr>
  )
}

function bodies(d: Diagnostic): string {
  const bytes = [d.frontend?.request, d.frontend?.response, d.backend?.request, d.backend?.response].reduce((sum, one) => sum + (one?.body?.bytes ?? 0), 0)
  return bytes === 0 ? 'none' : `up to ${bytes} bytes`
}
