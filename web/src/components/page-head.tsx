import type { ReactNode } from 'react'
import styles from './page-head.module.css'

/** The first line of a page: its name on the left, its controls on the right. */
export function PageHead({ title, children, note }: { title: ReactNode; note?: ReactNode; children?: ReactNode }) {
  return (
    <header className={styles.head}>
      <h1 className={styles.title}>{title}</h1>
      {note && <div className={styles.note}>{note}</div>}
      <div className={styles.controls}>{children}</div>
    </header>
  )
}
