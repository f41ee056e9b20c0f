import { useQuery } from '@tanstack/react-query'
import { useClient } from './session'
import { fetchStatus } from '../api/status'

/** What runs: asked once for all pages, again every 30 seconds. */
export function useStatus() {
  const client = useClient()
  return useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => fetchStatus(client, signal),
    refetchInterval: 30_000,
  })
}
