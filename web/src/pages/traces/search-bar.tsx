import { CloseButton, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Filter, Filters } from '../../api/traces'
import { useAddress } from '../../lib/address'
import { duration } from '../../lib/format'
import styles from './traces.module.css'

const TRACE_ID = /^[0-9a-f]{32}$/i

/** Text search, and the active filters as chips that go away on a click. */
export function SearchBar({ filters }: { filters: Filters }) {
  const { search, set, go } = useAddress()
  const field = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(filters.q ?? '')
  useEffect(() => setText(filters.q ?? ''), [filters.q])
  useEffect(() => {
    if (search.focus !== 'search') return
    field.current?.focus()
    set({ focus: undefined }, { replace: true })
  }, [search.focus, set])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const wanted = text.trim()
    if (TRACE_ID.test(wanted)) go(`/traces/${wanted.toLowerCase()}`)
    else set({ q: wanted || undefined })
  }
  return (
    <form role="search" onSubmit={submit} className={styles.bar}>
      <TextInput
        ref={field}
        data-page-search
        aria-label="Search traces"
        placeholder="Text in names, paths and errors, or a trace id"
        leftSection={<IconSearch size={15} />}
        rightSection={text === '' ? <kbd className={styles.slash}>/</kbd> : <CloseButton size="sm" aria-label="Clear search" onClick={() => set({ q: undefined })} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && field.current?.blur()}
      />
      <Chips filters={filters} onDrop={(name) => set({ [name]: undefined })} />
    </form>
  )
}

const WORDS: Readonly<Record<Filter, string>> = {
  service: 'Service', api: 'API', operation: 'Operation', product: 'Product', subscription: 'Subscription',
  status: 'Outcome', http_status: 'HTTP status', min_duration_ms: 'At least', max_duration_ms: 'At most', q: 'Text',
}

function Chips({ filters, onDrop }: { filters: Filters; onDrop: (name: Filter) => void }) {
  const active = (Object.keys(filters) as Filter[]).filter((name) => name !== 'q')
  if (active.length === 0) return null
  return (
    <div className={styles.chips} role="group" aria-label="Active filters">
      {active.map((name) => {
        const value = filters[name] ?? ''
        return (
          <button key={name} type="button" className={styles.chip} onClick={() => onDrop(name)} title="Remove this filter">
            <span className="dim">{WORDS[name]}</span> {name.endsWith('duration_ms') ? duration(Number(value)) : value} <span aria-hidden>×</span>
          </button>
        )
      })}
    </div>
  )
}
