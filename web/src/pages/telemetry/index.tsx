import { PageHead } from '../../components/page-head'
import { useStatus } from '../../components/use-status'
import { Diagnostics } from './diagnostics'
import { Loggers } from './loggers'
import styles from './telemetry.module.css'

/** Where the records of requests go, and what is recorded of which API. */
export function Page() {
  const status = useStatus().data
  return (
    <>
      <PageHead title="Telemetry" note={<span className="dim">Changes are served with the next request</span>} />
      {status && (
        <div className={styles.page}>
          <Loggers service={status.service} />
          <Diagnostics service={status.service} apis={status.apis} />
        </div>
      )}
    </>
  )
}
