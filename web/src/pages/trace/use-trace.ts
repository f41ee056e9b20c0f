import { useCallback, useMemo } from 'react'
import type { CriticalSegment, Trace } from '../../api/trace'
import type { Bindings } from '../../components/keys'
import { useAddress } from '../../lib/address'
import { criticalBySpan, fullView, readZoom, type View, writeZoom } from './timeline'
import { allNodes, ancestors, buildTree, failed, type Node, visibleRows } from './tree'

/** What the parts of the trace page share; all choices are in the URL. */
export interface TraceState {
  rows: readonly Node[]
  nodes: ReadonlyMap<string, Node>
  selected: Node | undefined
  select: (id: string) => void
  closed: ReadonlySet<string>
  toggle: (id: string) => void
  view: View
  zoomed: boolean
  zoomTo: (view: View | undefined) => void
  critical: ReadonlyMap<string, readonly CriticalSegment[]>
  /** Log records of the selected span only. */
  logsOfSpan: boolean
  keys: Bindings
}

export function useTrace(trace: Trace): TraceState {
  const { search, set } = useAddress()
  const roots = useMemo(() => buildTree(trace), [trace])
  const nodes = useMemo(() => allNodes(roots), [roots])
  const closed = useMemo(() => new Set(search.closed?.split(',') ?? []), [search.closed])
  const rows = useMemo(() => visibleRows(roots, closed), [roots, closed])
  const full = useMemo(() => fullView(trace), [trace])
  const critical = useMemo(() => criticalBySpan(trace.critical_path), [trace])
  const zoom = readZoom(search.zoom, full)
  const selected = nodes.get(search.span ?? '') ?? roots[0]

  const write = useCallback(
    (open: ReadonlySet<string>) => set({ closed: open.size > 0 ? [...open].join(',') : undefined }, { replace: true }),
    [set],
  )
  const select = useCallback(
    (id: string) => {
      const hidden = ancestors(id, nodes).filter((above) => closed.has(above))
      const open = new Set([...closed].filter((other) => !hidden.includes(other)))
      set({ span: id, closed: open.size > 0 ? [...open].join(',') : undefined }, { replace: true })
    },
    [set, nodes, closed],
  )
  const toggle = useCallback(
    (id: string) => {
      const next = new Set(closed)
      if (!next.delete(id)) next.add(id)
      write(next)
    },
    [closed, write],
  )
  const zoomTo = useCallback((view: View | undefined) => set({ zoom: view && writeZoom(view) }), [set])
  const keys = keysFor({ rows, nodes, selected, closed, select, toggle, zoomTo, stops: stopsOf(nodes, critical), zoomed: zoom !== undefined })
  return {
    rows, nodes, selected, select, closed, toggle,
    view: zoom ?? full, zoomed: zoom !== undefined, zoomTo, critical,
    logsOfSpan: search.logs === 'span', keys,
  }
}

/** Where `[` and `]` stop: failed spans, or the critical path when nothing failed. */
function stopsOf(nodes: ReadonlyMap<string, Node>, critical: ReadonlyMap<string, unknown>): Set<string> {
  const bad = [...nodes.values()].filter((node) => failed(node.span)).map((node) => node.span.span_id)
  return new Set(bad.length > 0 ? bad : critical.keys())
}

interface KeyContext {
  rows: readonly Node[]
  nodes: ReadonlyMap<string, Node>
  selected: Node | undefined
  closed: ReadonlySet<string>
  select: (id: string) => void
  toggle: (id: string) => void
  zoomTo: (view: View | undefined) => void
  stops: ReadonlySet<string>
  zoomed: boolean
}

function keysFor({ rows, nodes, selected, closed, select, toggle, zoomTo, stops, zoomed }: KeyContext): Bindings {
  const id = selected?.span.span_id ?? ''
  const here = rows.findIndex((row) => row.span.span_id === id)
  const go = (node: Node | undefined) => node && select(node.span.span_id)
  const jump = (direction: 1 | -1) => {
    const all = [...nodes.keys()]
    for (let n = all.indexOf(id) + direction; n >= 0 && n < all.length; n += direction) {
      const next = all[n]
      if (next !== undefined && stops.has(next)) return select(next)
    }
  }
  return {
    ArrowDown: () => go(rows[here + 1]),
    ArrowUp: () => go(rows[Math.max(0, here - 1)]),
    ArrowLeft: () => {
      if (selected && selected.children.length > 0 && !closed.has(id)) toggle(id)
      else go(nodes.get(selected?.span.parent_span_id ?? ''))
    },
    ArrowRight: () => (closed.has(id) ? toggle(id) : go(selected?.children[0])),
    Home: () => go(rows[0]),
    End: () => go(rows.at(-1)),
    '[': () => jump(-1),
    ']': () => jump(1),
    ...(zoomed ? { Escape: () => zoomTo(undefined) } : {}),
  }
}
