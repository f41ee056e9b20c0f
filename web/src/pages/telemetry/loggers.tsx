import { Button, Modal } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { deleteLogger } from '../../api/management'
import { fetchLoggers, type Logger } from '../../api/telemetry'
import { CopyCommand } from '../../components/copy'
import { Empty } from '../../components/empty'
import { Failed } from '../../components/failed'
import { Panel } from '../../components/panel'
import { useClient } from '../../components/session'
import { useAddress } from '../../lib/address'
import { LoggerForm } from './logger-form'
import styles from './telemetry.module.css'

const CREDENTIALS: Readonly<Record<string, string>> = {
  instrumentationKey: 'instrumentation key',
  connectionString: 'connection string',
  systemIdentity: 'system-assigned identity',
  userIdentity: 'user-assigned identity',
  none: 'none needed',
}

export function useLoggers() {
  const client = useClient()
  return useQuery({ queryKey: ['loggers'], queryFn: ({ signal }) => fetchLoggers(client, signal), refetchInterval: 10_000 })
}

/** The destinations that diagnostics name, and how they do. */
export function Loggers({ service }: { service: string }) {
  const { search, set } = useAddress()
  const loggers = useLoggers()
  const list = loggers.data ?? []
  const edited = list.find((logger) => logger.id === search.logger)
  const close = () => set({ logger: undefined, add: undefined })
  return (
    <Panel
      title="Loggers"
      loading={loggers.isPending}
      aside={
        <Button size="compact-sm" onClick={() => set({ add: 'logger' })}>
          Add
        </Button>
      }
    >
      {loggers.error && list.length === 0 && <Failed compact what="load the loggers" error={loggers.error} onRetry={() => void loggers.refetch()} />}
      {loggers.data && list.length === 0 && <Empty title="No logger">A logger leads to a workspace of this Gatehouse or to an Application Insights resource.</Empty>}
      {list.length > 0 && <Table list={list} service={service} />}
      <Modal transitionProps={{ duration: 0 }} closeButtonProps={{ 'aria-label': 'Close' }} opened={search.add === 'logger' || edited !== undefined} onClose={close} title={edited ? `Logger ${edited.id}` : 'Add a logger'} size={520}>
        <LoggerForm service={service} edited={edited} taken={list.map((logger) => logger.id.toLowerCase())} onDone={close} />
      </Modal>
    </Panel>
  )
}

function Table({ list, service }: { list: readonly Logger[]; service: string }) {
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Logger</th>
            <th scope="col">Leads to</th>
            <th scope="col">Credential</th>
            <th scope="col">Used by</th>
            <th scope="col">State</th>
            <th scope="col">
              <span className="hidden-visually">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((logger) => (
            <Row key={logger.id} logger={logger} service={service} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ logger, service }: { logger: Logger; service: string }) {
  const client = useClient()
  const queries = useQueryClient()
  const { set } = useAddress()
  const remove = useMutation({ mutationFn: () => deleteLogger(client, service, logger.id), onSuccess: () => queries.invalidateQueries() })
  const target = logger.destination === 'workspace' ? `workspace ${logger.target || 'default'}` : logger.destination === 'off' ? 'nowhere: switched off' : logger.target
  return (
    <tr>
      <th scope="row">
        {logger.id}
        {logger.description && <div className={`${styles.description} dim`}>{logger.description}</div>}
      </th>
      <td>{target}</td>
      <td>
        {CREDENTIALS[logger.credential] ?? logger.credential}
        {logger.clientId && <CopyCommand command={logger.clientId} />}
      </td>
      <td>{logger.usedBy.length === 0 ? <span className="dim">no diagnostic</span> : logger.usedBy.map((path) => <div key={path}>{scopeOf(path)}</div>)}</td>
      <td>
        <span className={logger.state === 'failing' ? 'bad' : undefined}>{logger.state}</span>
        {logger.lastError && <div className="dim">{logger.lastError}</div>}
        {remove.error && <div className="bad" role="alert">{remove.error.message}</div>}
      </td>
      <td className={styles.actions}>
        {logger.source === 'folder' ? (
          <span className="dim">in the service folder</span>
        ) : (
          <>
            <Button size="compact-xs" variant="default" onClick={() => set({ logger: logger.id })}>
              Edit
            </Button>
            <Button size="compact-xs" variant="default" loading={remove.isPending} disabled={logger.usedBy.length > 0} onClick={() => remove.mutate()}>
              Delete
            </Button>
          </>
        )}
      </td>
    </tr>
  )
}

/** "diagnostics/applicationinsights" is that of all APIs. */
function scopeOf(path: string): string {
  const api = /^apis\/([^/]+)\//.exec(path)?.[1]
  return api ?? 'all APIs'
}
