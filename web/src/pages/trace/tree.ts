import type { Span, Trace } from '../../api/trace'

/** A span with its place in the tree. */
export interface Node {
  span: Span
  depth: number
  children: Node[]
  /** In this span itself: no child was running. Milliseconds. */
  selfMs: number
  /** Parts of the span in which no child ran, for spans that have children. */
  gaps: Gap[]
  /** The span names a parent that is not in the trace. */
  orphan: boolean
}

export interface Gap {
  from: number
  to: number
}

/** Spans as a forest, siblings by start. Orphans and spans in a circle become roots: nothing is lost. */
export function buildTree(trace: Pick<Trace, 'spans'>): Node[] {
  const nodes = new Map<string, Node>()
  for (const span of trace.spans) {
    nodes.set(span.span_id, { span, depth: 0, children: [], selfMs: span.duration_ms, gaps: [], orphan: false })
  }
  const roots: Node[] = []
  for (const node of nodes.values()) {
    const parent = nodes.get(node.span.parent_span_id)
    if (parent && !isAncestor(node, parent, nodes)) parent.children.push(node)
    else {
      node.orphan = node.span.parent_span_id !== '' && !parent
      roots.push(node)
    }
  }
  for (const node of nodes.values()) finish(node)
  roots.sort(byStart)
  setDepth(roots)
  return roots
}

/** True when `node` stands above `other`, or is it: making it a child would close a circle. */
function isAncestor(node: Node, other: Node, nodes: ReadonlyMap<string, Node>): boolean {
  const seen = new Set<Node>()
  for (let at: Node | undefined = other; at && !seen.has(at); at = nodes.get(at.span.parent_span_id)) {
    if (at === node) return true
    seen.add(at)
  }
  return false
}

function byStart(a: Node, b: Node): number {
  return a.span.start_ms - b.span.start_ms || b.span.duration_ms - a.span.duration_ms
}

function finish(node: Node) {
  node.children.sort(byStart)
  if (node.children.length === 0) return
  node.gaps = gapsOf(node.span, node.children.map((child) => child.span))
  node.selfMs = node.gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0)
}

/** The parts of a span that none of the others covers. */
export function gapsOf(span: Pick<Span, 'start_ms' | 'duration_ms'>, others: readonly Pick<Span, 'start_ms' | 'duration_ms'>[]): Gap[] {
  const end = span.start_ms + span.duration_ms
  const gaps: Gap[] = []
  let at = span.start_ms
  for (const other of [...others].sort((a, b) => a.start_ms - b.start_ms)) {
    const start = Math.min(Math.max(other.start_ms, span.start_ms), end)
    if (start > at) gaps.push({ from: at, to: start })
    at = Math.max(at, Math.min(other.start_ms + other.duration_ms, end))
  }
  if (end > at) gaps.push({ from: at, to: end })
  return gaps
}

function setDepth(roots: readonly Node[]) {
  const stack = [...roots]
  for (let node = stack.pop(); node; node = stack.pop()) {
    for (const child of node.children) {
      child.depth = node.depth + 1
      stack.push(child)
    }
  }
}

/** The rows that can be seen, top to bottom. */
export function visibleRows(roots: readonly Node[], closed: ReadonlySet<string>): Node[] {
  const rows: Node[] = []
  const stack = [...roots].reverse()
  for (let node = stack.pop(); node; node = stack.pop()) {
    rows.push(node)
    if (!closed.has(node.span.span_id)) stack.push(...[...node.children].reverse())
  }
  return rows
}

/** Ids of the spans above this one, nearest first. */
export function ancestors(id: string, nodes: ReadonlyMap<string, Node>): string[] {
  const out: string[] = []
  for (let at = nodes.get(id); at; at = nodes.get(at.span.parent_span_id)) {
    if (out.includes(at.span.parent_span_id)) break
    if (nodes.has(at.span.parent_span_id)) out.push(at.span.parent_span_id)
  }
  return out
}

export function allNodes(roots: readonly Node[]): Map<string, Node> {
  return new Map(visibleRows(roots, new Set()).map((node) => [node.span.span_id, node]))
}

/** A policy step or a span failed. A step that ended the pipeline with its own response did not. */
export function failed(span: Span): boolean {
  return span.status === 'error' || span.policy?.outcome === 'error' || span.policy?.outcome === 'timeout'
}
