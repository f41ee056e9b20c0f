import { useElementSize } from '@mantine/hooks'
import { type PointerEvent, useMemo, useState } from 'react'
import { count, duration } from '../lib/format'
import { type Bar, bars, brushed, trim } from './buckets'
import styles from './histogram.module.css'

interface Props {
  boundsMs: readonly number[]
  counts: readonly number[]
  errors: readonly number[]
  height: number
  /** Bars were brushed; milliseconds, undefined: open to that side. */
  onBrush: (min: number | undefined, max: number | undefined) => void
}

const AXIS = 20

/** Latency as bars, the failed share in the colour of errors; drag to keep a part. */
export function LatencyHistogram({ boundsMs, counts, errors, height, onBrush }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const shown = useMemo(() => trim(bars(boundsMs, counts, errors)), [boundsMs, counts, errors])
  const brush = useBrush(shown, width, onBrush)
  const total = shown.reduce((sum, bar) => sum + bar.count, 0)
  const failed = shown.reduce((sum, bar) => sum + bar.errors, 0)
  return (
    <div ref={ref} className={styles.chart} style={{ height }} role="img" aria-label={`Latency of ${total} traces, ${failed} failed`}>
      {width > 0 && (
        <svg width={width} height={height} {...brush.handlers}>
          <rect width={width} height={height} className={styles.catch} />
          <Bars shown={shown} width={width} height={height} />
          {brush.range && <Shade range={brush.range} unit={width / shown.length} height={height - AXIS} />}
        </svg>
      )}
      {brush.hover !== undefined && <Readout bar={shown[brush.hover]} left={((brush.hover + 0.5) * width) / shown.length} width={width} />}
    </div>
  )
}

function Bars({ shown, width, height }: { shown: readonly Bar[]; width: number; height: number }) {
  const most = Math.max(1, ...shown.map((bar) => bar.count))
  const unit = width / Math.max(1, shown.length)
  const room = height - AXIS - 6
  const every = Math.max(1, Math.ceil(58 / unit))
  // The square root keeps rare slow traces visible beside many fast ones.
  const tall = (n: number) => (n === 0 ? 0 : Math.max(2, Math.sqrt(n / most) * room))
  return shown.map((bar, n) => {
    const full = tall(bar.count)
    const bad = bar.errors === 0 ? 0 : Math.max(2, (full * bar.errors) / bar.count)
    const base = height - AXIS
    return (
      <g key={bar.from ?? -1}>
        <rect x={n * unit + 1} width={Math.max(1, unit - 2)} y={base - full} height={full - bad} rx={1} className={styles.bar} />
        <rect x={n * unit + 1} width={Math.max(1, unit - 2)} y={base - bad} height={bad} rx={1} className={styles.bad} />
        {n > 0 && n % every === 0 && (
          <text x={n * unit} y={height - 5} className={styles.tick}>
            {duration(bar.from)}
          </text>
        )}
      </g>
    )
  })
}

function Shade({ range, unit, height }: { range: [number, number]; unit: number; height: number }) {
  const [a, b] = [Math.min(...range), Math.max(...range)]
  return <rect x={a * unit} width={(b - a + 1) * unit} y={0} height={height} className={styles.shade} />
}

function Readout({ bar, left, width }: { bar: Bar | undefined; left: number; width: number }) {
  if (!bar) return null
  const range =
    bar.from === undefined ? `under ${duration(bar.to)}` : bar.to === undefined ? `over ${duration(bar.from)}` : `${duration(bar.from)} to ${duration(bar.to)}`
  const side = left > width / 2 ? { right: width - left + 10 } : { left: left + 10 }
  return (
    <div className={styles.readout} style={side} aria-hidden>
      <div className="dim num">{range}</div>
      <b className="num">{count(bar.count)}</b> traces
      {bar.errors > 0 && (
        <span className="bad">
          , <b className="num">{count(bar.errors)}</b> failed
        </span>
      )}
    </div>
  )
}

/** Which bar the mouse is over, and which are being brushed. */
function useBrush(shown: readonly Bar[], width: number, onBrush: Props['onBrush']) {
  const [range, setRange] = useState<[number, number]>()
  const [hover, setHover] = useState<number>()
  const at = (event: PointerEvent<SVGSVGElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left
    return Math.max(0, Math.min(shown.length - 1, Math.floor((x / width) * shown.length)))
  }
  const handlers = {
    onPointerDown: (event: PointerEvent<SVGSVGElement>) => {
      if (shown.length === 0 || event.button !== 0) return
      event.currentTarget.setPointerCapture(event.pointerId)
      setRange([at(event), at(event)])
    },
    onPointerMove: (event: PointerEvent<SVGSVGElement>) => {
      if (shown.length === 0) return
      const n = at(event)
      setHover(n)
      setRange((old) => old && [old[0], n])
    },
    onPointerUp: () => {
      if (!range) return
      const { min, max } = brushed(shown, range[0], range[1])
      setRange(undefined)
      onBrush(min, max)
    },
    onPointerCancel: () => setRange(undefined),
    onPointerLeave: () => setHover(undefined),
  }
  return { range, hover, handlers }
}
