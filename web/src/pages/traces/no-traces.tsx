import { Button } from '@mantine/core'
import { FILTERS } from '../../api/traces'
import { Empty } from '../../components/empty'
import { useStatus } from '../../components/use-status'
import { useAddress } from '../../lib/address'

/** Nothing found: because of the filters, or because nothing was sent. */
export function NoTraces({ filtered }: { filtered: boolean }) {
  const { set } = useAddress()
  const status = useStatus()
  if (filtered) {
    return (
      <Empty title="No trace matches these filters in this range">
        <Button variant="default" size="compact-sm" onClick={() => set(Object.fromEntries(FILTERS.map((name) => [name, undefined])))}>
          Clear all filters
        </Button>
      </Empty>
    )
  }
  const gateway = status.data?.gateway[0] ?? 'http://127.0.0.1:8080'
  const path = status.data?.apis[0]?.path.replace(/^\/*/, '/') ?? '/'
  return (
    <Empty title="No traces in this range" command={`curl -i ${gateway}${path}`}>
      Each request through the gateway makes one. Send a request:
    </Empty>
  )
}
