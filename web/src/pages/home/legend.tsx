import styles from './home.module.css'

interface Props {
  ids: readonly string[]
  colors: ReadonlyMap<string, string>
  nameOf: (id: string) => string
  chosen: string | undefined
  onChoose: (id: string | undefined) => void
}

/** One legend for all charts; choosing an API keeps the whole page to it. */
export function Legend({ ids, colors, nameOf, chosen, onChoose }: Props) {
  const named = ids.filter((id) => id !== '')
  if (named.length === 0) return null
  return (
    <div className={styles.legend} role="group" aria-label="Keep to one API">
      {named.map((id) => (
        <button
          key={id}
          type="button"
          className={styles.chip}
          aria-pressed={chosen === id}
          data-faded={chosen !== undefined && chosen !== id}
          onClick={() => onChoose(chosen === id ? undefined : id)}
        >
          <i style={{ background: colors.get(id) }} />
          {nameOf(id)}
        </button>
      ))}
      {chosen !== undefined && (
        <button type="button" className={styles.clear} onClick={() => onChoose(undefined)}>
          Show all
        </button>
      )}
    </div>
  )
}
