import { Popover, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Patch } from '../lib/address'
import { Copy } from './copy'
import styles from './explain.module.css'
import { PageLink } from './page-link'

interface Props {
  /** What the number is, for example "Errors of Orders". */
  what: string
  query: string
  /** Filters of the traces behind the number. */
  traces?: Patch
  children: ReactNode
}

/** A number that opens its query: the PromQL to copy, and the traces behind it. */
export function Explain({ what, query, traces, children }: Props) {
  return (
    <Popover position="bottom-start" width={440} trapFocus>
      <Popover.Target>
        <UnstyledButton className={styles.number}>
          {children}
          <span className="hidden-visually">, {what}, show the query</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={styles.box}>
        <div className={styles.head}>
          <strong>{what}</strong>
          <Copy value={query} label="Copy PromQL" />
        </div>
        <pre className={styles.query}>{query}</pre>
        {traces && (
          <PageLink to="/traces" search={traces} className={styles.link}>
            Open the traces behind it
          </PageLink>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
