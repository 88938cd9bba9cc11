/** A schema as it is called in metrics, and in the monitor's counts. */
export function metricName (schema: string): string {
  return schema.replace(/[^A-Za-z0-9_-]/g, '_')
}
