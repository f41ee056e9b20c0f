import type { Client } from './client'

/** An alert of GET /alertmanager/api/v2/alerts. */
export interface Alert {
  fingerprint: string
  name: string
  severity: string
  summary: string
  /** RFC 3339. */
  since: string
  state: string
  labels: Readonly<Record<string, string>>
}

interface Wire {
  fingerprint?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  startsAt?: string
  status?: { state?: string }
}

const WEIGHT: Readonly<Record<string, number>> = { critical: 0, page: 0, error: 1, high: 1, warning: 2, info: 3 }

/** Alerts that fire and are neither silenced nor inhibited: worst first, then newest. */
export async function fetchAlerts(client: Client, signal?: AbortSignal): Promise<Alert[]> {
  const params = { active: 'true', silenced: 'false', inhibited: 'false' }
  const wire = await client.get<Wire[] | null>('/alertmanager/api/v2/alerts', params, signal)
  const weight = (alert: Alert) => WEIGHT[alert.severity] ?? 4
  return (wire ?? [])
    .map((alert, n) => ({
      fingerprint: alert.fingerprint ?? String(n),
      name: alert.labels?.alertname ?? 'alert',
      severity: alert.labels?.severity ?? '',
      summary: alert.annotations?.summary ?? alert.annotations?.description ?? '',
      since: alert.startsAt ?? '',
      state: alert.status?.state ?? 'active',
      labels: alert.labels ?? {},
    }))
    .sort((a, b) => weight(a) - weight(b) || b.since.localeCompare(a.since))
}
