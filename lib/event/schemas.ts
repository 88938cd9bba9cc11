/** A JSON Schema, or a part of one, in the form that ajv takes (draft-07 or later, after translation). */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** Why an event does not validate: the first thing found wrong. */
export interface Problem {
  /** JSON pointer of the failing value inside the whole event: `/event/action`. */
  readonly pointer: string
  /** What the schema allows there, in words: `one of "init", "click"`. */
  readonly expected: string
  /** What came, as JSON, shortened; or `nothing`. */
  readonly seen: string
  /** One sentence for the sender, made of the three. */
  readonly message: string
}

/** A revision of a schema that events can be validated against. */
export interface Schema {
  readonly name: string
  /** Integer, at least 1. */
  readonly revision: number
  /** `capsule`: the schema describes the capsule's `event`. `meta`: it describes the whole event, which carries `meta`. */
  readonly style: 'capsule' | 'meta'
  /** File path or URL, for messages. */
  readonly source: string
  /** As its owner wrote it. */
  readonly definition: JsonSchema
  /** The same in modern form: what `validate` and the SQL mapping work from. Of the event, or of the whole in `meta` style. */
  readonly modern: JsonSchema
  /** Checks a whole event (the capsule with its `event`). Null if it is valid. Does not change the event. */
  validate (event: object): Problem | null
  /** The same, but all that is wrong: for reports about one event, because it may take long. */
  problems (event: object): Problem[]
}

/** A schema that exists but cannot be used; its events are refused with the reason. */
export interface RefusedSchema {
  readonly name: string
  readonly revision: number
  readonly source: string
  readonly reason: string
}

export interface SchemaRepository {
  /** What is known now, without waiting: undefined if `fetch` may know more, or nobody does. */
  find (name: string, revision: number): Schema | RefusedSchema | undefined
  /** True when `fetch` would ask somebody: there is a remote repository, and the answer is not remembered already. */
  canFetch (name: string, revision: number): boolean
  /** Asks the remote repository, if there is one; undefined if it does not know either (remembered for a while). Never throws. */
  fetch (name: string, revision: number): Promise<Schema | RefusedSchema | undefined>
  /** Every schema known, by name, then revision. */
  list (): Array<Schema | RefusedSchema>
  /**
   * Reads the directories again. What cannot be read or used any more is logged and stays as it was; what is new and cannot be
   * used is logged and refused; the rest goes on.
   */
  reload (): Promise<void>
}

/**
 * Whether the events are the pipeline's own, and nobody's data: its owner has written `internal: true` at the top of the schema. They are
 * stored and counted like others; `vanadium_schemas` and the views do not have them.
 */
export function isInternal ({ definition }: Pick<Schema, 'definition'>): boolean {
  return definition['internal'] === true
}

export function isRefused (schema: Schema | RefusedSchema): schema is RefusedSchema {
  return 'reason' in schema
}
