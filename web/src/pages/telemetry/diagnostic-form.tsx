import { Button, NativeSelect, NumberInput, Switch, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { type Capture, deleteDiagnostic, type Diagnostic, loggerName, putDiagnostic } from '../../api/management'
import { useClient } from '../../components/session'
import { useLoggers } from './loggers'
import styles from './telemetry.module.css'

/** The most bytes of a body that a diagnostic keeps, as in Azure. */
const MOST_BYTES = 8192

interface Props {
  service: string
  /** '' for all APIs. */
  api: string
  current: Diagnostic | undefined
  onDone: () => void
}

const START: Diagnostic = {
  loggerId: '', alwaysLog: 'allErrors', sampling: { samplingType: 'fixed', percentage: 100 }, verbosity: 'information',
  httpCorrelationProtocol: 'W3C', operationNameFormat: 'Name', logClientIp: false,
}

/** Switches the diagnostic of a scope on and off, and says what it keeps. */
export function DiagnosticForm({ service, api, current, onDone }: Props) {
  const client = useClient()
  const queries = useQueryClient()
  const loggers = (useLoggers().data ?? []).filter((logger) => logger.type === 'applicationInsights')
  const [enabled, setEnabled] = useState(current !== undefined)
  const [d, setD] = useState<Diagnostic>(() => (current ? { ...current, loggerId: loggerName(current.loggerId) } : START))
  const change = (patch: Partial<Diagnostic>) => setD((before) => ({ ...before, ...patch }))
  const destination = d.loggerId || loggers[0]?.id || ''
  const save = useMutation({
    mutationFn: async () => {
      if (enabled) await putDiagnostic(client, service, api, { ...d, loggerId: `/loggers/${destination}` })
      else if (current) await deleteDiagnostic(client, service, api)
    },
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit} className={styles.form} aria-label="Diagnostics logs">
      <Switch label="Enable" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
      {enabled && (
        <>
          <NativeSelect label="Destination" value={destination} onChange={(event) => change({ loggerId: event.currentTarget.value })} data={loggers.map((logger) => logger.id)} />
          <Settings d={d} change={change} />
          <Captures d={d} change={change} />
        </>
      )}
      {save.error && <p className="bad" role="alert">{save.error.message}</p>}
      <div className={styles.submit}>
        {enabled && destination === '' && <span className="dim">Add a logger first.</span>}
        <Button type="submit" loading={save.isPending} disabled={enabled && destination === ''}>
          Save
        </Button>
      </div>
    </form>
  )
}

interface Part {
  d: Diagnostic
  change: (patch: Partial<Diagnostic>) => void
}

function Settings({ d, change }: Part) {
  return (
    <>
      <div className={styles.pair}>
        <NumberInput
          label="Sampling, %"
          min={0}
          max={100}
          clampBehavior="strict"
          value={d.sampling?.percentage ?? 100}
          onChange={(value) => change({ sampling: { samplingType: 'fixed', percentage: Number(value) || 0 } })}
        />
        <NativeSelect label="Verbosity" value={d.verbosity ?? 'information'} onChange={(event) => change({ verbosity: event.currentTarget.value })} data={['verbose', 'information', 'error']} />
        <NativeSelect
          label="Correlation"
          value={d.httpCorrelationProtocol ?? 'Legacy'}
          onChange={(event) => change({ httpCorrelationProtocol: event.currentTarget.value })}
          data={['W3C', 'Legacy', 'None']}
        />
        <NativeSelect label="Operation name" value={d.operationNameFormat ?? 'Name'} onChange={(event) => change({ operationNameFormat: event.currentTarget.value })} data={['Name', 'Url']} />
      </div>
      <Switch label="Always log errors" checked={d.alwaysLog === 'allErrors'} onChange={(event) => change({ alwaysLog: event.currentTarget.checked ? 'allErrors' : undefined } as Partial<Diagnostic>)} />
      <Switch label="Log the client's address" checked={d.logClientIp ?? false} onChange={(event) => change({ logClientIp: event.currentTarget.checked })} />
      <Switch label="Custom metrics" description="What emit-metric sends" checked={d.metrics ?? false} onChange={(event) => change({ metrics: event.currentTarget.checked })} />
    </>
  )
}

const SIDES = ['frontend', 'backend'] as const
const WAYS = ['request', 'response'] as const

function Captures({ d, change }: Part) {
  const keeps = SIDES.some((side) => WAYS.some((way) => (d[side]?.[way]?.body?.bytes ?? 0) > 0))
  return (
    <fieldset className={styles.captures}>
      <legend>Headers and bodies to keep</legend>
      {SIDES.flatMap((side) =>
        WAYS.map((way) => <CaptureRow key={side + way} label={`${side} ${way}`} value={d[side]?.[way] ?? {}} onChange={(value) => change({ [side]: { ...d[side], [way]: value } })} />),
      )}
      {keeps && <p className="warn">Copying bodies costs throughput, and they may hold personal data.</p>}
    </fieldset>
  )
}

function CaptureRow({ label, value, onChange }: { label: string; value: Capture; onChange: (value: Capture) => void }) {
  const [text, setText] = useState((value.headers ?? []).join(', '))
  const commit = () => onChange({ ...value, headers: text.split(',').map((name) => name.trim()).filter((name) => name !== '') })
  return (
    <div className={styles.capture}>
      <span>{label}</span>
      <TextInput aria-label={`Headers of the ${label}`} placeholder="Headers, by comma" value={text} onChange={(event) => setText(event.currentTarget.value)} onBlur={commit} />
      <NumberInput
        aria-label={`Body bytes of the ${label}`}
        min={0}
        max={MOST_BYTES}
        clampBehavior="strict"
        suffix=" bytes"
        value={value.body?.bytes ?? 0}
        onChange={(bytes) => onChange({ ...value, body: { ...value.body, bytes: Number(bytes) || 0 } })}
      />
    </div>
  )
}
