import { describe, expect, it } from 'vitest'
import type { Span } from '../../api/trace'
import { longest, place, readZoom, ticks, writeZoom } from './timeline'
import { allNodes, ancestors, buildTree, gapsOf, visibleRows } from './tree'

function span(id: string, parent: string, start: number, length: number): Span {
  return { span_id: id, parent_span_id: parent, name: id, kind: '', service: '', start_ms: start, duration_ms: length, status: '', status_message: '', attributes: {}, events: [] }
}
const names = (rows: readonly { span: Span; depth: number }[]) => rows.map((row) => `${'-'.repeat(row.depth)}${row.span.span_id}`)

describe('buildTree', () => {
  const roots = buildTree({ spans: [span('c', 'a', 6, 2), span('b', 'a', 1, 4), span('d', 'b', 2, 1), span('a', '', 0, 10)] })
  it('nests by parent, siblings by start', () => {
    expect(names(visibleRows(roots, new Set()))).toEqual(['a', '-b', '--d', '-c'])
    expect(names(visibleRows(roots, new Set(['b'])))).toEqual(['a', '-b', '-c'])
  })
  it('finds the time in which no child ran', () => {
    expect(roots[0]?.gaps).toEqual([{ from: 0, to: 1 }, { from: 5, to: 6 }, { from: 8, to: 10 }])
    expect(roots[0]?.selfMs).toBe(4)
  })
  it('names the spans above', () => expect(ancestors('d', allNodes(roots))).toEqual(['b', 'a']))
  it('loses no span: missing parents, circles, its own parent', () => {
    const odd = buildTree({ spans: [span('x', 'gone', 5, 1), span('y', 'z', 1, 1), span('z', 'y', 2, 1), span('s', 's', 0, 1)] })
    const rows = visibleRows(odd, new Set())
    expect(rows.map((row) => row.span.span_id).sort()).toEqual(['s', 'x', 'y', 'z'])
    expect(rows.find((row) => row.span.span_id === 'x')?.orphan).toBe(true)
  })
  it('takes a deep trace', () => {
    const deep = Array.from({ length: 3000 }, (_, n) => span(String(n), n === 0 ? '' : String(n - 1), n, 1))
    expect(visibleRows(buildTree({ spans: deep }), new Set())).toHaveLength(3000)
  })
})

it('gaps of overlapping and overhanging children', () => {
  const of = (...children: [number, number][]) => gapsOf({ start_ms: 0, duration_ms: 10 }, children.map(([start_ms, duration_ms]) => ({ start_ms, duration_ms })))
  expect(of([-5, 30])).toEqual([])
  expect(of([2, 4], [3, 1], [8, 50])).toEqual([{ from: 0, to: 2 }, { from: 6, to: 8 }])
  expect(of([20, 5])).toEqual([{ from: 0, to: 10 }])
})

describe('timeline', () => {
  const view = { from: 0, to: 100 }
  it('places in percent and cuts at the edges', () => {
    expect(place(25, 50, view)).toEqual({ left: 25, width: 25 })
    expect(place(-50, 50, view)).toEqual({ left: 0, width: 50 })
    expect(place(120, 150, view)).toBeUndefined()
  })
  it('says where the time went', () => {
    const path = [{ span_id: 'a', from_ms: 0, to_ms: 2 }, { span_id: 'b', from_ms: 2, to_ms: 9 }, { span_id: 'a', from_ms: 9, to_ms: 9.75 }, { span_id: 'c', from_ms: 9.75, to_ms: 10 }]
    expect(longest(path, 10, 3)).toEqual([{ id: 'b', ms: 7, part: 0.7 }, { id: 'a', ms: 2.75, part: 0.275 }])
    expect(longest(path, 10, 1).map((one) => one.id)).toEqual(['b'])
    expect(longest([], 0, 3)).toEqual([])
  })
  it('has round ticks', () => {
    expect(ticks(view, 5)).toEqual([0, 20, 40, 60, 80, 100])
    expect(ticks({ from: 0.13, to: 0.31 }, 4)).toEqual([0.15, 0.2, 0.25, 0.3])
  })
  it('keeps a zoom in the URL', () => {
    expect(readZoom(writeZoom({ from: 1.5, to: 20 }), view)).toEqual({ from: 1.5, to: 20 })
    expect(['', '5', '9~2', 'a~b', '200~300', undefined].map((text) => readZoom(text, view))).toEqual(new Array(6).fill(undefined))
  })
})
