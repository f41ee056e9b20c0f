import styles from './status-mark.module.css'

/** An HTTP status, coloured by class; "–" when there was no answer. */
export function HttpStatus({ code }: { code: number }) {
  const kind = code >= 500 ? styles.bad : code >= 400 ? styles.warn : code > 0 ? styles.good : styles.none
  return <span className={`${styles.code} ${kind} num`}>{code > 0 ? code : '–'}</span>
}

/** The severity of an alert or a log record. */
export function Severity({ value }: { value: string }) {
  const bad = ['critical', 'page', 'error', 'fatal', 'high']
  const kind = bad.includes(value) ? styles.bad : value.startsWith('warn') ? styles.warn : styles.none
  return <span className={`${styles.code} ${kind}`}>{value || 'none'}</span>
}
