import { ActionIcon, Button, Popover, Select, TextInput, Tooltip } from '@mantine/core'
import { IconCalendarTime, IconChevronLeft, IconChevronRight, IconRefresh } from '@tabler/icons-react'
import { useIsFetching } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useAddress } from '../lib/address'
import { DEFAULT_REFRESH, fixedRange, RANGES, REFRESHES, shift, type Window } from '../lib/range'
import { useTimeWindow } from './clock'
import styles from './range-picker.module.css'

/** The time range and the refresh interval, both in the URL. */
export function RangePicker() {
  const { window, now, refresh } = useTimeWindow()
  const { search, set } = useAddress()
  const [open, setOpen] = useState(false)
  const fetching = useIsFetching() > 0
  const choose = (patch: Record<string, string | undefined>) => {
    setOpen(false)
    set(patch)
    if (patch.range) refresh()
  }
  return (
    <div className={styles.bar}>
      <Tooltip label="Earlier  [">
        <ActionIcon variant="default" size={28} aria-label="Earlier" onClick={() => set(shift(window, -1, now))}>
          <IconChevronLeft size={15} />
        </ActionIcon>
      </Tooltip>
      <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus>
        <Popover.Target>
          <Button
            variant="default"
            size="compact-sm"
            h={28}
            leftSection={<IconCalendarTime size={15} />}
            onClick={() => setOpen(!open)}
            aria-label={`Time range: ${window.label}`}
          >
            <span className="num">{window.label}</span>
          </Button>
        </Popover.Target>
        <Popover.Dropdown p={10}>
          <RangeChoices window={window} current={search.range} onChoose={choose} />
        </Popover.Dropdown>
      </Popover>
      <Tooltip label="Later  ]">
        <ActionIcon
          variant="default"
          size={28}
          aria-label="Later"
          disabled={window.live}
          onClick={() => set(shift(window, 1, now))}
        >
          <IconChevronRight size={15} />
        </ActionIcon>
      </Tooltip>
      <Select
        aria-label="Refresh every"
        size="xs"
        w={82}
        value={search.refresh ?? (window.live ? DEFAULT_REFRESH : 'off')}
        data={REFRESHES.map((value) => ({ value, label: value === 'off' ? 'Paused' : value }))}
        onChange={(value) => value && set({ refresh: value })}
        allowDeselect={false}
        classNames={{ input: styles.select ?? '' }}
      />
      <Tooltip label="Refresh now  r">
        <ActionIcon variant="default" size={28} aria-label="Refresh now" onClick={refresh}>
          <IconRefresh size={15} className={fetching ? styles.spin : undefined} />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

interface ChoicesProps {
  window: Window
  current: string | undefined
  onChoose: (patch: Record<string, string | undefined>) => void
}

function RangeChoices({ window, current, onChoose }: ChoicesProps) {
  const [from, setFrom] = useState(() => localText(window.start))
  const [to, setTo] = useState(() => localText(window.end))
  const start = Date.parse(from)
  const end = Date.parse(to)
  const wrong = !(end > start)
  const apply = (event: FormEvent) => {
    event.preventDefault()
    if (!wrong) onChoose(fixedRange(start, end))
  }
  return (
    <div className={styles.choices}>
      <div className={styles.list}>
        {RANGES.map((range) => (
          <button
            key={range.value}
            type="button"
            className={styles.choice}
            aria-current={window.live && window.label === range.label}
            onClick={() => onChoose({ range: range.value, from: undefined, to: undefined })}
          >
            {range.label}
          </button>
        ))}
      </div>
      <form className={styles.fixed} onSubmit={apply}>
        <TextInput size="xs" type="datetime-local" step={1} label="From" value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
        <TextInput
          size="xs"
          type="datetime-local"
          step={1}
          label="To"
          value={to}
          onChange={(e) => setTo(e.currentTarget.value)}
          error={wrong ? 'Must be after From' : undefined}
        />
        <Button type="submit" size="xs" disabled={wrong}>
          Apply
        </Button>
        <span className="dim">{current === undefined && !window.live ? 'Fixed range' : 'Drag on any chart to zoom in.'}</span>
      </form>
    </div>
  )
}

/** Milliseconds as the local text of a datetime input. */
function localText(at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
