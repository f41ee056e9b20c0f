import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useAddress } from '../lib/address'
import { RANGES } from '../lib/range'
import { pages } from '../pages'
import { useStatus } from './use-status'

const TRACE_ID = /^[0-9a-f]{32}$/i

/** The command palette: pages, APIs, time ranges, a trace by its id. */
export function Palette() {
  const [text, setText] = useState('')
  const groups = useGroups(text.trim())
  return (
    <Spotlight
      shortcut="mod + K"
      query={text}
      onQueryChange={setText}
      actions={groups}
      highlightQuery
      overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
      scrollable
      maxHeight={420}
      nothingFound="Nothing by that name"
      searchProps={{ placeholder: 'Page, API, time range or trace id', leftSection: <IconSearch size={16} />, 'aria-label': 'Go to' }}
    />
  )
}

function useGroups(text: string): SpotlightActionGroupData[] {
  const { go, set } = useAddress()
  const { setColorScheme } = useMantineColorScheme()
  const apis = useStatus().data?.apis ?? []
  const goTo: SpotlightActionData[] = pages
    .filter((page) => page.group)
    .map((page) => ({ id: page.path, label: page.title, onClick: () => go(page.path) }))
  if (TRACE_ID.test(text)) {
    goTo.unshift({ id: 'trace', label: `Trace ${text.toLowerCase()}`, onClick: () => go(`/traces/${text.toLowerCase()}`) })
  } else if (text !== '') {
    goTo.push({ id: 'search', label: `Search traces for ${text}`, onClick: () => go('/traces', { q: text }) })
  }
  const tracesOf = (api: { id: string; name: string }): SpotlightActionData[] => [
    { id: `traces ${api.id}`, label: `${api.name}: traces`, onClick: () => go('/traces', { api: api.id }) },
    { id: `failed ${api.id}`, label: `${api.name}: failures`, onClick: () => go('/traces', { api: api.id, status: 'error' }) },
  ]
  return [
    { group: 'Go to', actions: goTo },
    {
      group: 'APIs',
      actions: apis.flatMap((api) => [
        { id: `home ${api.id}`, label: api.name, onClick: () => go('/', { api: api.id }) },
        ...(text === '' ? [] : tracesOf(api)),
      ]),
    },
    {
      group: 'Time range',
      actions: RANGES.map((range) => ({
        id: range.value,
        label: range.label,
        onClick: () => set({ range: range.value, from: undefined, to: undefined }),
      })),
    },
    {
      group: 'Colours',
      actions: (['light', 'dark', 'auto'] as const).map((scheme) => ({
        id: scheme,
        label: scheme === 'auto' ? 'System colours' : `${scheme === 'light' ? 'Light' : 'Dark'} colours`,
        onClick: () => setColorScheme(scheme),
      })),
    },
  ]
}
