import type { Client } from './client'

/** GET /api/status. */
export interface Status {
  version: string
  service: string
  /** Addresses of the gateway, for example http://127.0.0.1:8080. */
  gateway: string[]
  /** RFC 3339. */
  started: string
  revision: { id: string; loaded: string; error?: string }
  warnings: { resource: string; message: string }[]
  apis: ApiSummary[]
}

export interface ApiSummary {
  id: string
  name: string
  path: string
  operations: number
}

interface Wire {
  version?: string
  service?: string
  gateway?: string[] | null
  started?: string
  revision?: { id?: string | number; loaded?: string; error?: string } | null
  warnings?: { resource: string; message: string }[] | null
  apis?: { id: string; name?: string; path?: string; operations?: number | unknown[] | null }[] | null
}

export async function fetchStatus(client: Client, signal?: AbortSignal): Promise<Status> {
  const wire = await client.get<Wire>('/api/status', {}, signal)
  return {
    version: wire.version ?? '',
    service: wire.service ?? '',
    gateway: wire.gateway ?? [],
    started: wire.started ?? '',
    revision: {
      id: String(wire.revision?.id ?? ''),
      loaded: wire.revision?.loaded ?? '',
      ...(wire.revision?.error ? { error: wire.revision.error } : {}),
    },
    warnings: wire.warnings ?? [],
    apis: (wire.apis ?? []).map((api) => ({
      id: api.id,
      name: api.name || api.id,
      path: api.path ?? '',
      operations: Array.isArray(api.operations) ? api.operations.length : (api.operations ?? 0),
    })),
  }
}
