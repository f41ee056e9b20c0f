import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import styles from './time-series.module.css'

export interface Line {
  label: string
  color: string
  values: (number | null)[]
}

interface Props {
  /** What is drawn, for readers of the page who do not see it. */
  label: string
  /** Unix seconds. */
  times: number[]
  lines: readonly Line[]
  /** Ends of the axis, Unix milliseconds. */
  start: number
  end: number
  format: (value: number) => string
  height: number
  /** Charts with the same key share their cursor. */
  syncKey: string
  /** A range was drawn with the mouse; Unix milliseconds. */
  onZoom: (start: number, end: number) => void
}

interface Hover {
  index: number
  left: number
}

/** Lines over time. Draws what it is given; drag to zoom. */
export function TimeSeries(props: Props) {
  const { label, times, lines, format, height } = props
  const { ref, width } = useElementSize<HTMLDivElement>()
  const [hover, setHover] = useState<Hover>()
  const host = usePlot(props, width, setHover)
  return (
    <div ref={ref} className={styles.chart} style={{ height }} role="img" aria-label={label}>
      <div ref={host} onMouseLeave={() => setHover(undefined)} />
      {hover && <Readout hover={hover} width={width} time={times[hover.index]} lines={lines} format={format} />}
    </div>
  )
}

/** Keeps one uPlot for the lines' names and colours, and hands it new data. */
function usePlot(props: Props, width: number, onHover: (hover: Hover | undefined) => void) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef({ ...props, onHover })
  latest.current = { ...props, onHover }
  const scheme = useComputedColorScheme('light')
  const names = props.lines.map((line) => `${line.label}\u0000${line.color}`).join('\u0001')
  const data = useMemo<uPlot.AlignedData>(() => [props.times, ...props.lines.map((line) => line.values)], [props.times, props.lines])
  const ready = width > 0
  useEffect(() => {
    if (!host.current || !ready) return
    const made = new uPlot(optionsFor(latest, host.current.clientWidth), data, host.current)
    plot.current = made
    return () => {
      plot.current = undefined
      made.destroy()
    }
    // `data` is handed over below; a new plot is needed for new lines or colours only.
  }, [names, scheme, props.height, ready])
  useEffect(() => {
    if (ready) plot.current?.setSize({ width, height: props.height })
  }, [width, props.height, ready])
  useEffect(() => {
    plot.current?.setData(data)
  }, [data, props.start, props.end])
  return host
}

type Latest = { readonly current: Props & { onHover: (hover: Hover | undefined) => void } }

function optionsFor(latest: Latest, width: number): uPlot.Options {
  const { lines, height, syncKey } = latest.current
  const style = getComputedStyle(document.documentElement)
  const ink = style.getPropertyValue('--gh-dim')
  const grid = { stroke: style.getPropertyValue('--gh-line'), width: 1 }
  const font = "11px 'Inter Variable', system-ui, sans-serif"
  const axis = { stroke: ink, font, ticks: { show: false } }
  return {
    width,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [latest.current.start / 1000, latest.current.end / 1000] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
    },
    axes: [
      { ...axis, size: 24, gap: 4, space: 80, grid: { show: false }, values: timeLabels },
      { ...axis, size: 54, gap: 6, space: 32, grid, values: (_plot, splits) => splits.map((value) => latest.current.format(value)) },
    ],
    series: [{}, ...lines.map((line) => ({ label: line.label, stroke: line.color, width: 1.5, points: { size: 4 } }))],
    cursor: {
      sync: { key: syncKey },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      y: false,
    },
    hooks: {
      setCursor: [(plot) => report(plot, latest)],
      setSelect: [(plot) => zoom(plot, latest)],
    },
  }
}

function timeLabels(_plot: uPlot, splits: number[]): string[] {
  const span = (splits.at(-1) ?? 0) - (splits[0] ?? 0)
  return splits.map((second) => {
    const date = new Date(second * 1000)
    const midnight = date.getHours() === 0 && date.getMinutes() === 0
    if (span > 172_800 || (midnight && span > 3600)) return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
    const seconds = second % 60 === 0 ? {} : { second: '2-digit' as const }
    return date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false, ...seconds })
  })
}

/** Only the chart under the mouse shows its values; the others follow with the crosshair. */
function report(plot: uPlot, latest: Latest) {
  const { idx, left } = plot.cursor
  const here = plot.over.matches(':hover')
  const offset = plot.over.offsetLeft
  latest.current.onHover(here && idx != null && left !== undefined && left >= 0 ? { index: idx, left: left + offset } : undefined)
}

function zoom(plot: uPlot, latest: Latest) {
  const { left, width } = plot.select
  if (width < 6 || !plot.over.matches(':hover')) return
  const start = plot.posToVal(left, 'x') * 1000
  const end = plot.posToVal(left + width, 'x') * 1000
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
  if (end - start >= 5000) latest.current.onZoom(start, end)
}

interface ReadoutProps {
  hover: Hover
  width: number
  time: number | undefined
  lines: readonly Line[]
  format: (value: number) => string
}

const MOST = 10

function Readout({ hover, width, time, lines, format }: ReadoutProps) {
  if (time === undefined) return null
  const rows = lines
    .map((line) => ({ ...line, value: line.values[hover.index] ?? null }))
    .filter((row): row is typeof row & { value: number } => row.value !== null)
    .sort((a, b) => b.value - a.value)
  const side = hover.left > width / 2 ? { right: width - hover.left + 12 } : { left: hover.left + 12 }
  return (
    <div className={styles.readout} style={side} aria-hidden>
      <div className="dim num">{new Date(time * 1000).toLocaleTimeString(undefined, { hour12: false })}</div>
      {rows.slice(0, MOST).map((row) => (
        <div key={row.label} className={styles.row}>
          <i style={{ background: row.color }} />
          <span className="cut">{row.label}</span>
          <b className="num">{format(row.value)}</b>
        </div>
      ))}
      {rows.length > MOST && <div className="dim">and {rows.length - MOST} more</div>}
      {rows.length === 0 && <div className="dim">No data</div>}
    </div>
  )
}
