import type { CSSProperties } from 'react'
import type { CriticalSegment, PolicyStep } from '../../api/trace'
import { duration } from '../../lib/format'
import { place, type View } from './timeline'
import styles from './trace.module.css'
import { failed, type Gap, type Node } from './tree'

interface Props {
  node: Node
  view: View
  color: string
  critical: readonly CriticalSegment[]
}

/** The bar of one span: its time, its part of the critical path, time nothing accounts for. */
export function Lane({ node, view, color, critical }: Props) {
  const { span } = node
  const bar = place(span.start_ms, span.start_ms + span.duration_ms, view)
  const bad = failed(span)
  return (
    <div className={styles.lane} role="gridcell">
      {bar && (
        <i
          className={span.policy ? styles.thin : styles.bar}
          style={{ left: `${bar.left}%`, width: `max(2px, ${bar.width}%)`, background: color }}
          data-failed={bad}
        />
      )}
      {worthShowing(node, view).map((gap) => {
        const spot = place(gap.from, gap.to, view)
        return (
          spot && (
            <i
              key={gap.from}
              className={styles.gap}
              style={{ left: `${spot.left}%`, width: `${spot.width}%` }}
              title={`${duration(gap.to - gap.from)} unaccounted: neither a policy statement nor a call ran`}
            >
              {spot.width > 10 && <span className="num">{duration(gap.to - gap.from)}</span>}
            </i>
          )
        )
      })}
      {critical.map((segment) => {
        const spot = place(segment.from_ms, segment.to_ms, view)
        return spot && <i key={segment.from_ms} className={styles.critical} style={{ left: `${spot.left}%`, width: `max(2px, ${spot.width}%)` }} />
      })}
      {bar && <Caption node={node} view={view} left={bar.left} width={bar.width} />}
      <span className="hidden-visually">starts at {duration(span.start_ms)}</span>
    </div>
  )
}

function Caption({ node, view, left, width }: { node: Node; view: View; left: number; width: number }) {
  const { span } = node
  const outcome = span.policy?.outcome
  const unaccounted = worthShowing(node, view).reduce((sum, gap) => sum + gap.to - gap.from, 0)
  const spot = spotFor(left, width)
  return (
    <span className={`${styles.caption} num`} style={spot.style} data-inside={spot.inside}>
      {duration(span.duration_ms)}
      {unaccounted > (view.to - view.from) * 0.05 && `, ${duration(unaccounted)} unaccounted`}
      {outcome && outcome !== 'ok' && <b className={failed(span) ? 'bad' : 'warn'}> {outcome}</b>}
      {span.policy?.file && !spot.inside && <span className={styles.file}>{source(span.policy)}</span>}
      {!outcome && failed(span) && <b className="bad"> {spot.inside || span.status_message === '' ? 'failed' : span.status_message.slice(0, 60)}</b>}
    </span>
  )
}

/** The end of the path, with the line. */
function source({ file, line }: PolicyStep): string {
  return `${file.split('/').slice(-3).join('/')}:${line}`
}

/** Right of the bar, else left of it; on a bar that fills the lane, at its right end. */
function spotFor(left: number, width: number): { style: CSSProperties; inside: boolean } {
  if (left + width < 72) return { style: { left: `calc(max(2px, ${left + width}%) + 6px)` }, inside: false }
  if (left > 36) return { style: { right: `calc(${100 - left}% + 6px)` }, inside: false }
  return { style: { right: `calc(${100 - left - width}% + 4px)` }, inside: true }
}

/** Gaps of the gateway's request span that can be seen; in other spans such time is their own work. */
function worthShowing(node: Node, view: View): Gap[] {
  if (node.children.length === 0 || !node.span.request) return []
  const least = Math.max(node.span.duration_ms * 0.04, (view.to - view.from) * 0.01)
  return node.gaps.filter((gap) => gap.to - gap.from >= least)
}
