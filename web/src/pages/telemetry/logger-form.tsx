import { Button, NativeSelect, PasswordInput, Switch, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { type NewLogger, putLogger } from '../../api/management'
import { addGatewayTest, fetchWorkspaces, type Logger, type Workspace } from '../../api/telemetry'
import { useClient } from '../../components/session'
import styles from './telemetry.module.css'

/** The choice of what is not one of our workspaces. */
const OUTSIDE = ''

interface Props {
  service: string
  /** The logger that is changed; undefined: a new one. */
  edited: Logger | undefined
  /** Names in use, in lower case. */
  taken: readonly string[]
  onDone: () => void
}

interface Fields {
  name: string
  description: string
  /** A workspace's name, or OUTSIDE. */
  instance: string
  connection: string
  identity: '' | 'system' | 'user'
  clientId: string
  monitor: boolean
}

/** Connects a workspace of ours, or an Application Insights resource by its connection string. */
export function LoggerForm({ service, edited, taken, onDone }: Props) {
  const client = useClient()
  const queries = useQueryClient()
  const workspaces = useQuery({ queryKey: ['workspaces'], queryFn: ({ signal }) => fetchWorkspaces(client, signal) })
  const [fields, setFields] = useState<Fields>(() => initial(edited))
  const change = (patch: Partial<Fields>) => setFields((before) => ({ ...before, ...patch }))
  const chosen = (workspaces.data ?? []).find((w) => w.name === fields.instance)
  const problem = fault(fields, chosen, edited ? [] : taken)
  const save = useMutation({
    mutationFn: async () => {
      await putLogger(client, service, fields.name.trim(), properties(fields, chosen))
      if (fields.monitor) await addGatewayTest(client, chosen?.name ?? 'default')
    },
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (problem === undefined) save.mutate()
  }
  return (
    <form onSubmit={submit} className={styles.form} aria-label="Logger">
      <NativeSelect
        label="Instance"
        value={fields.instance}
        onChange={(event) => change({ instance: event.currentTarget.value, ...(edited || fields.name ? {} : { name: event.currentTarget.value }) })}
        data={[...(workspaces.data ?? []).map((w) => ({ value: w.name, label: `Workspace ${w.name}` })), { value: OUTSIDE, label: 'By connection string…' }]}
      />
      {fields.instance === OUTSIDE && <Outside fields={fields} change={change} edited={edited !== undefined} />}
      <TextInput label="Name" value={fields.name} disabled={edited !== undefined} onChange={(event) => change({ name: event.currentTarget.value })} />
      <TextInput label="Description" value={fields.description} maxLength={256} onChange={(event) => change({ description: event.currentTarget.value })} />
      {!edited && <Switch label="Add availability monitor" description="Asks the gateway's endpoint from every place, all the time" checked={fields.monitor} onChange={(event) => change({ monitor: event.currentTarget.checked })} />}
      {save.error && <p className="bad" role="alert">{save.error.message}</p>}
      <div className={styles.submit}>
        {problem && <span className="dim">{problem}</span>}
        <Button type="submit" loading={save.isPending} disabled={problem !== undefined}>
          {edited ? 'Save' : 'Create'}
        </Button>
      </div>
    </form>
  )
}

function Outside({ fields, change, edited }: { fields: Fields; change: (patch: Partial<Fields>) => void; edited: boolean }) {
  return (
    <>
      <PasswordInput
        label="Connection string"
        description={edited ? 'The one it has is not shown: paste the new one' : 'InstrumentationKey=…;IngestionEndpoint=…'}
        autoComplete="off"
        value={fields.connection}
        onChange={(event) => change({ connection: event.currentTarget.value })}
      />
      <NativeSelect
        label="Sign in with"
        value={fields.identity}
        onChange={(event) => change({ identity: event.currentTarget.value as Fields['identity'] })}
        data={[
          { value: '', label: 'The key in the connection string' },
          { value: 'system', label: 'The system-assigned identity' },
          { value: 'user', label: 'A user-assigned identity' },
        ]}
      />
      {fields.identity === 'user' && <TextInput label="Client id" value={fields.clientId} onChange={(event) => change({ clientId: event.currentTarget.value })} />}
    </>
  )
}

function initial(edited: Logger | undefined): Fields {
  const identity = edited?.credential === 'systemIdentity' ? 'system' : edited?.credential === 'userIdentity' ? 'user' : ''
  const own = edited?.credential === 'none'
  return { name: edited?.id ?? '', description: edited?.description ?? '', instance: edited && !own ? OUTSIDE : edited?.target || 'default', connection: '', identity, clientId: edited?.clientId ?? '', monitor: false }
}

function fault(fields: Fields, chosen: Workspace | undefined, taken: readonly string[]): string | undefined {
  const name = fields.name.trim()
  if (!chosen && !/(^|;)\s*InstrumentationKey=[^;]+/i.test(fields.connection)) return 'A connection string has an InstrumentationKey.'
  if (!chosen && fields.identity === 'user' && fields.clientId.trim() === '') return "The identity's client id is missing."
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(name)) return 'A name has letters, digits, dots, hyphens and underscores.'
  if (taken.includes(name.toLowerCase())) return 'There is a logger of this name.'
  return undefined
}

function properties(fields: Fields, chosen: Workspace | undefined): NewLogger {
  const base = { loggerType: 'applicationInsights', description: fields.description.trim() } as const
  if (chosen) return { ...base, resourceId: chosen.resourceId }
  const identity = fields.identity === '' ? {} : { identityClientId: fields.identity === 'system' ? 'systemAssigned' : fields.clientId.trim() }
  return { ...base, credentials: { connectionString: fields.connection.trim(), ...identity } }
}
