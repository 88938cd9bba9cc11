/** Which schema an event names. */
export interface Identity {
  readonly name: string
  /** Integer, at least 1. */
  readonly revision: number
  /** `capsule`: `schema` and `revision` stand beside `event`. `meta`: `meta.schema_uri` ends in `<name>/<revision>`. */
  readonly style: 'capsule' | 'meta'
}

const schemaName = /^[A-Za-z0-9_./-]{1,63}$/
const schemaUri = /(?:^|\/)([A-Za-z0-9_.-]{1,63})\/([1-9]\d{0,14})$/

/** Null when the event does not tell, or names what cannot be a schema. An event with a `schema` is a capsule. */
export function identifyEvent (event: unknown): Identity | null {
  if (typeof event !== 'object' || event === null) return null
  const { schema, revision, meta } = event as Record<string, unknown>
  if (schema !== undefined) {
    if (typeof schema !== 'string' || !schemaName.test(schema)) return null
    if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1) return null
    return { name: schema, revision, style: 'capsule' }
  }
  const [, name, digits] = schemaUri.exec(uriOf(meta)) ?? []
  return name === undefined ? null : { name, revision: Number(digits), style: 'meta' }
}

function uriOf (meta: unknown): string {
  if (typeof meta !== 'object' || meta === null || !('schema_uri' in meta)) return ''
  return typeof meta.schema_uri === 'string' ? meta.schema_uri : ''
}
