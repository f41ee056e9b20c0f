import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type PointerEvent, useEffect, useRef, useState } from 'react'
import type { Trace } from '../../api/trace'
import { duration, plural } from '../../lib/format'
import { Lane } from './lane'
import { place, ticks, type View } from './timeline'
import styles from './trace.module.css'
import { failed, type Node } from './tree'
import type { TraceState } from './use-trace'

const ROW = 26

interface Props {
  trace: Trace
  state: TraceState
  colors: ReadonlyMap<string, string>
}

/** The spans over time, nested; thousands of rows stay quick because only the seen ones are drawn. */
export function Waterfall({ trace, state, colors }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const { rows, selected } = state
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 24, paddingStart: 28 })
  const at = rows.findIndex((row) => row === selected)
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' })
  }, [at, virtual])
  return (
    <div
      ref={scroller}
      className={styles.waterfall}
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      aria-activedescendant={selected && `span-${selected.span.span_id}`}
    >
      <Ruler state={state} total={trace.spans.length} />
      <div className={styles.rows} style={{ height: virtual.getTotalSize() - 28 }} role="rowgroup">
        {virtual.getVirtualItems().map((item) => {
          const node = rows[item.index]
          return node && <Row key={node.span.span_id} node={node} index={item.index} top={item.start - 28} state={state} color={colors.get(node.span.service) ?? 'gray'} />
        })}
      </div>
    </div>
  )
}

/** Moments above the lanes; drag on it to zoom in, double-click to see all. */
function Ruler({ state, total }: { state: TraceState; total: number }) {
  const { view, zoomed, zoomTo } = state
  const [drag, setDrag] = useState<[number, number]>()
  const at = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    const part = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))
    return view.from + part * (view.to - view.from)
  }
  const end = () => {
    if (!drag) return
    const next: View = { from: Math.min(...drag), to: Math.max(...drag) }
    setDrag(undefined)
    if (next.to - next.from > (view.to - view.from) / 200) zoomTo(next)
  }
  const shade = drag && place(Math.min(...drag), Math.max(...drag), view)
  return (
    <div className={styles.ruler} role="row" aria-rowindex={1}>
      <div className={styles.nameHead} role="columnheader">
        {plural(total, 'span')}
        <span className={styles.key}>
          <i /> critical path
        </span>
        {zoomed && (
          <button type="button" className={styles.textButton} onClick={() => zoomTo(undefined)}>
            Zoom out
          </button>
        )}
      </div>
      <div
        className={styles.scale}
        role="columnheader"
        aria-label="Time since the start of the trace"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          setDrag([at(event), at(event)])
        }}
        onPointerMove={(event) => setDrag((old) => old && [old[0], at(event)])}
        onPointerUp={end}
        onPointerCancel={() => setDrag(undefined)}
        onDoubleClick={() => zoomTo(undefined)}
      >
        {ticks(view, 7).map((tick) => {
          const spot = place(tick, tick, view)
          return (
            spot && (
              <span key={tick} className={`${styles.tick} num`} style={{ left: `${spot.left}%` }} data-last={spot.left > 94}>
                {duration(tick)}
              </span>
            )
          )
        })}
        {shade && <i className={styles.shade} style={{ left: `${shade.left}%`, width: `${shade.width}%` }} />}
      </div>
    </div>
  )
}

interface RowProps {
  node: Node
  index: number
  top: number
  state: TraceState
  color: string
}

function Row({ node, index, top, state, color }: RowProps) {
  const { span, children, depth } = node
  const open = !state.closed.has(span.span_id)
  return (
    <div
      id={`span-${span.span_id}`}
      className={styles.row}
      style={{ top, height: ROW }}
      role="row"
      aria-rowindex={index + 2}
      aria-level={depth + 1}
      aria-selected={node === state.selected}
      aria-expanded={children.length > 0 ? open : undefined}
      data-failed={failed(span)}
      onClick={() => state.select(span.span_id)}
    >
      <div className={styles.name} role="gridcell" style={{ paddingLeft: 6 + Math.min(depth, 16) * 14 }}>
        {children.length > 0 ? (
          <button
            type="button"
            tabIndex={-1}
            className={styles.twist}
            aria-label={open ? 'Collapse' : 'Expand'}
            onClick={(event) => {
              event.stopPropagation()
              state.toggle(span.span_id)
            }}
          >
            {open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
          </button>
        ) : (
          <span className={styles.twist} />
        )}
        <i className={span.policy ? styles.step : styles.dot} style={{ background: color }} />
        <span className={`${styles.label} cut`} title={span.name}>
          {span.name}
        </span>
        {!open && <span className={`${styles.hiddenCount} num`}>+{count(node)}</span>}
        {span.policy && (
          <span className={styles.where} title={where(node)}>
            {span.policy.section}, {span.policy.scope}
          </span>
        )}
      </div>
      <Lane node={node} view={state.view} color={color} critical={state.critical.get(span.span_id) ?? []} />
    </div>
  )
}

function where({ span }: Node): string {
  const policy = span.policy
  return policy ? `${policy.section}, ${policy.scope} scope, ${policy.file}:${policy.line}` : ''
}

/** Spans below this one. */
function count(node: Node): number {
  return node.children.reduce((sum, child) => sum + 1 + count(child), 0)
}
