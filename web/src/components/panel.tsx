import type { ReactNode } from 'react'
import styles from './panel.module.css'

interface Props {
  title: ReactNode
  /** Right of the title. */
  aside?: ReactNode
  children: ReactNode
  /** New data is on its way. */
  loading?: boolean
  className?: string | undefined
}

/** A titled box: the unit of every page. */
export function Panel({ title, aside, children, loading, className }: Props) {
  return (
    <section className={`${styles.panel} ${className ?? ''}`} aria-busy={loading}>
      <header className={styles.head}>
        <h2 className={styles.title}>{title}</h2>
        {aside}
      </header>
      {loading && <div className={styles.progress} />}
      {children}
    </section>
  )
}
