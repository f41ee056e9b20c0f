import type { ComponentType } from 'react'

/** A screen of the console. Adding one is adding a folder and an entry here. */
export interface PageEntry {
  path: string
  title: string
  load: () => Promise<{ Page: ComponentType }>
  /** Shown in the navigation, under this heading. */
  group?: 'Overview' | 'Explore' | 'Set up'
  /** Pressed after `g`. */
  key?: string
  icon?: 'home' | 'traces' | 'telemetry'
}

export const pages: readonly PageEntry[] = [
  { path: '/', title: 'Home', group: 'Overview', key: 'h', icon: 'home', load: () => import('./home') },
  { path: '/traces', title: 'Traces', group: 'Explore', key: 't', icon: 'traces', load: () => import('./traces') },
  { path: '/telemetry', title: 'Telemetry', group: 'Set up', key: 'e', icon: 'telemetry', load: () => import('./telemetry') },
  { path: '/traces/$id', title: 'Trace', load: () => import('./trace') },
]
