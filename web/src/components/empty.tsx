import type { ReactNode } from 'react'
import { CopyCommand } from './copy'
import styles from './states.module.css'

/** Says what is missing, and one command that changes it. */
export function Empty({ title, children, command }: { title: string; children?: ReactNode; command?: string | undefined }) {
  return (
    <div className={styles.empty}>
      <strong>{title}</strong>
      {children && <div className="dim">{children}</div>}
      {command && <CopyCommand command={command} />}
    </div>
  )
}
