import { ActionIcon, Tooltip, useMantineColorScheme } from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { IconDeviceDesktop, IconHelp, IconHome, IconMoon, IconPlugConnected, IconSearch, IconSun, IconTimeline } from '@tabler/icons-react'
import { Outlet } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import icon from '../icon.svg'
import { useAddress } from '../lib/address'
import { shift } from '../lib/range'
import { type PageEntry, pages } from '../pages'
import { ClockProvider, useTimeWindow } from './clock'
import { Help } from './help'
import { type Bindings, useKeys } from './keys'
import { PageLink } from './page-link'
import { Palette } from './palette'
import { ServiceState } from './service-state'
import styles from './shell.module.css'

/** The frame of every page: navigation, keys, palette, help. */
export function Shell() {
  return (
    <ClockProvider>
      <Frame />
    </ClockProvider>
  )
}

function Frame() {
  const [help, setHelp] = useState(false)
  const { path } = useAddress()
  useShellKeys(() => setHelp(true))
  const page = pages.find((entry) => entry.path === path) ?? pages.find((entry) => path.startsWith('/traces/') && entry.path === '/traces/$id')
  useEffect(() => {
    document.title = page ? `${page.title} · Gatehouse` : 'Gatehouse'
  }, [page])
  return (
    <div className={styles.frame}>
      <a href="#main" className={styles.skip}>
        Skip to content
      </a>
      <nav className={styles.side} aria-label="Main">
        <PageLink to="/" className={styles.brand}>
          <img src={icon} alt="" width={22} height={22} />
          Gatehouse
        </PageLink>
        <button type="button" className={styles.search} onClick={spotlight.open}>
          <IconSearch size={14} aria-hidden /> Go to… <kbd>{modKey()} K</kbd>
        </button>
        <Navigation path={path} />
        <div className={styles.foot}>
          <ServiceState />
          <div className={styles.tools}>
            <ColourToggle />
            <Tooltip label="Keys  ?">
              <ActionIcon variant="subtle" color="gray" aria-label="Keyboard help" onClick={() => setHelp(true)}>
                <IconHelp size={17} />
              </ActionIcon>
            </Tooltip>
          </div>
        </div>
      </nav>
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Palette />
      <Help opened={help} onClose={() => setHelp(false)} />
    </div>
  )
}

const GROUPS = [...new Set(pages.flatMap((page) => page.group ?? []))]
const ICONS = { home: IconHome, traces: IconTimeline, telemetry: IconPlugConnected } as const

function Navigation({ path }: { path: string }) {
  return GROUPS.map((group) => (
    <div key={group} className={styles.group}>
      <div className={styles.heading}>{group}</div>
      {pages
        .filter((page) => page.group === group)
        .map((page) => (
          <NavigationEntry key={page.path} page={page} path={path} />
        ))}
    </div>
  ))
}

function NavigationEntry({ page, path }: { page: PageEntry; path: string }) {
  const here = page.path === '/' ? path === '/' : path === page.path || path.startsWith(`${page.path}/`)
  const Icon = page.icon ? ICONS[page.icon] : undefined
  return (
    <PageLink to={page.path} className={styles.entry} aria-current={here ? 'page' : undefined}>
      {Icon && <Icon size={16} stroke={1.75} aria-hidden />}
      {page.title}
      {page.key && <kbd aria-hidden>g {page.key}</kbd>}
    </PageLink>
  )
}

/** Light, dark, or as the system says. */
function ColourToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const next = { auto: 'light', light: 'dark', dark: 'auto' } as const
  const name = { auto: 'System colours', light: 'Light colours', dark: 'Dark colours' }[colorScheme]
  const Icon = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon }[colorScheme]
  return (
    <Tooltip label={`${name}: click for ${next[colorScheme] === 'auto' ? 'system' : next[colorScheme]}`}>
      <ActionIcon variant="subtle" color="gray" aria-label={name} onClick={() => setColorScheme(next[colorScheme])}>
        <Icon size={17} />
      </ActionIcon>
    </Tooltip>
  )
}

function useShellKeys(onHelp: () => void) {
  const { go, set, path } = useAddress()
  const { window, now, refresh } = useTimeWindow()
  const bindings: Record<string, () => void> = { '?': onHelp, '/': () => focusSearch(go) }
  for (const page of pages) if (page.key) bindings[`g ${page.key}`] = () => go(page.path)
  if (!path.startsWith('/traces/')) {
    // A trace has its own meaning for these.
    bindings.r = refresh
    bindings['['] = () => set(shift(window, -1, now))
    bindings[']'] = () => set(shift(window, 1, now))
  }
  useKeys(bindings satisfies Bindings)
}

/** The search field of this page, or that of the traces page. */
function focusSearch(go: (path: string, search?: Record<string, string>) => void) {
  const field = document.querySelector<HTMLInputElement>('[data-page-search]')
  if (field) {
    field.focus()
    field.select()
  } else go('/traces', { focus: 'search' })
}

function modKey(): string {
  return /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl'
}
