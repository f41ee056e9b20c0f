import type { Client } from './client'

/** A telemetry workspace of GET /api/workspaces. */
export interface Workspace {
  name: string
  resourceId: string
}

/** A logger of GET /api/loggers. */
export interface Logger {
  id: string
  type: string
  description: string
  source: 'folder' | 'api'
  /** instrumentationKey, connectionString, systemIdentity, userIdentity, none. */
  credential: string
  clientId: string
  destination: 'workspace' | 'export' | 'off'
  /** The workspace's name, or the endpoint outside. */
  target: string
  usedBy: string[]
  state: string
  lastError: string
}

interface WireLogger {
  id: string
  type?: string
  description?: string
  source?: 'folder' | 'api'
  credential?: string
  client_id?: string
  destination?: 'workspace' | 'export' | 'off'
  workspace?: string
  endpoint?: string
  used_by?: string[] | null
  state?: string
  last_error?: string
}

export async function fetchWorkspaces(client: Client, signal?: AbortSignal): Promise<Workspace[]> {
  const wire = await client.get<{ workspaces?: { name: string; resource_id?: string }[] | null }>('/api/workspaces', {}, signal)
  return (wire.workspaces ?? []).map((w) => ({ name: w.name, resourceId: w.resource_id ?? '' }))
}

export async function fetchLoggers(client: Client, signal?: AbortSignal): Promise<Logger[]> {
  const wire = await client.get<{ loggers?: WireLogger[] | null }>('/api/loggers', {}, signal)
  return (wire.loggers ?? []).map((g) => ({
    id: g.id,
    type: g.type ?? '',
    description: g.description ?? '',
    source: g.source ?? 'folder',
    credential: g.credential ?? 'none',
    clientId: g.client_id ?? '',
    destination: g.destination ?? 'workspace',
    target: g.workspace ?? g.endpoint ?? '',
    usedBy: g.used_by ?? [],
    state: g.state ?? '',
    lastError: g.last_error ?? '',
  }))
}

/** Asks the gateway's own endpoint from now on; one that is there already stays as it is. */
export async function addGatewayTest(client: Client, workspace: string): Promise<void> {
  const wire = await client.get<{ tests?: { gateway?: boolean }[] | null }>('/api/availability')
  if ((wire.tests ?? []).some((test) => test.gateway)) return
  await client.send('POST', '/api/availability', {}, { gateway: true, ...(workspace === 'default' ? {} : { workspace }) })
}
