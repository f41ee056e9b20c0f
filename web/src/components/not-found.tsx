import { PageLink } from './page-link'
import { Empty } from './empty'

export function NotFound() {
  return (
    <Empty title="No such page">
      The console has no page at this address. <PageLink to="/" className="link">Go to Home</PageLink>
    </Empty>
  )
}
