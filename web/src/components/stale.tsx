/** Beside figures that could not be refreshed. */
export function Stale({ error }: { error: Error }) {
  return (
    <span className="warn" role="status" title={error.message}>
      Could not refresh; older data
    </span>
  )
}
