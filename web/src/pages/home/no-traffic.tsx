import { Empty } from '../../components/empty'
import { useStatus } from '../../components/use-status'

/** No requests yet: what to send. */
export function NoTraffic() {
  const status = useStatus()
  const gateway = status.data?.gateway[0] ?? 'http://127.0.0.1:8080'
  const path = status.data?.apis[0]?.path.replace(/^\/*/, '/') ?? '/'
  return (
    <Empty title="No requests in this range" command={`curl -i ${gateway}${path}`}>
      Send one through the gateway:
    </Empty>
  )
}
