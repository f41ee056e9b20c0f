import { Autocomplete, Button, NumberInput, SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useEffect, useId, useState } from 'react'
import { fetchCatalog, type Filter, type Filters, FILTERS } from '../../api/traces'
import { useTimeWindow } from '../../components/clock'
import { useClient } from '../../components/session'
import { useStatus } from '../../components/use-status'
import { useAddress } from '../../lib/address'
import styles from './traces.module.css'

/** The filters as fields. What is typed counts on Enter or when the field is left. */
export function FilterForm({ filters }: { filters: Filters }) {
  const { set } = useAddress()
  const client = useClient()
  const { window } = useTimeWindow()
  const span = window.end - window.start
  const catalog = useQuery({
    // A live range moves all the time; what it holds changes slowly.
    queryKey: ['catalog', span, window.live ? 'live' : window.end],
    queryFn: ({ signal }) => fetchCatalog(client, window.start, window.end, signal),
    staleTime: 60_000,
  })
  const seen = catalog.data
  const configured = useStatus().data?.apis ?? []
  const apis = [...new Set([...configured, ...(seen?.apis ?? [])].map((api) => api.id).filter((id) => id !== ''))]
  const operations = (seen?.apis ?? []).filter((api) => !filters.api || api.id === filters.api).flatMap((api) => api.operations)
  const change = (name: Filter) => (value: string) => set({ [name]: value.trim() || undefined, limit: undefined })
  const clear = () => set(Object.fromEntries([...FILTERS, 'limit'].map((name) => [name, undefined])))
  const outcome = useId()
  const submit = (event: FormEvent) => event.preventDefault()
  return (
    <form className={styles.filters} aria-label="Filters" onSubmit={submit}>
      <div>
        <div className={styles.label} id={outcome}>
          Outcome
        </div>
        <SegmentedControl
          aria-labelledby={outcome}
          size="xs"
          fullWidth
          value={filters.status ?? ''}
          onChange={change('status')}
          data={[
            { value: '', label: 'All' },
            { value: 'ok', label: 'OK' },
            { value: 'error', label: 'Failed' },
          ]}
        />
      </div>
      <Field label="Service" value={filters.service} onCommit={change('service')} options={seen?.services} />
      <Field label="API" value={filters.api} onCommit={change('api')} options={apis} />
      <Field label="Operation" value={filters.operation} onCommit={change('operation')} options={operations} />
      <Field label="Product" value={filters.product} onCommit={change('product')} options={seen?.products} />
      <Field label="Subscription" value={filters.subscription} onCommit={change('subscription')} options={seen?.subscriptions} />
      <Field label="HTTP status" value={filters.http_status} onCommit={change('http_status')} options={['2xx', '4xx', '5xx', '401', '403', '404', '429', '500', '502', '503', '504']} />
      <div className={styles.pair}>
        <Milliseconds label="Min, ms" value={filters.min_duration_ms} onCommit={change('min_duration_ms')} />
        <Milliseconds label="Max, ms" value={filters.max_duration_ms} onCommit={change('max_duration_ms')} />
      </div>
      {Object.keys(filters).length > 0 && (
        <Button variant="default" size="xs" onClick={clear}>
          Clear all filters
        </Button>
      )}
    </form>
  )
}

interface FieldProps {
  label: string
  value: string | undefined
  onCommit: (value: string) => void
  options?: readonly string[] | undefined
}

function Field({ label, value, onCommit, options = [] }: FieldProps) {
  const [text, setText] = useState(value ?? '')
  useEffect(() => setText(value ?? ''), [value])
  const commit = () => text !== (value ?? '') && onCommit(text)
  return (
    <Autocomplete
      size="xs"
      label={label}
      placeholder="Any"
      data={[...new Set(options)].filter((option) => option !== '')}
      value={text}
      onChange={setText}
      onOptionSubmit={onCommit}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
      clearable
      onClear={() => onCommit('')}
    />
  )
}

function Milliseconds({ label, value, onCommit }: Omit<FieldProps, 'options'>) {
  const [text, setText] = useState<string | number>(value ?? '')
  useEffect(() => setText(value ?? ''), [value])
  const commit = () => String(text) !== (value ?? '') && onCommit(String(text))
  return (
    <NumberInput
      size="xs"
      label={label}
      placeholder="Any"
      min={0}
      hideControls
      value={text}
      onChange={setText}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}
