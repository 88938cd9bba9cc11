/** Something that is wrong with a registry, where it is. */
export interface Problem {
  readonly file: string
  /** From 1 on; null if it is about the whole file. */
  readonly line: number | null
  /** Where in the registry, what came, what is allowed. */
  readonly text: string
}

/** `FILE:LINE: text`, as editors and compilers have it. */
export function problemText ({ file, line, text }: Problem): string {
  return `${file}${line === null ? '' : `:${line}`}: ${text}`
}

/** Names that lead into a registry: of keys, and numbers of items. */
export type Path = readonly string[]

/** Of a path, for people. */
export function placeOf (path: Path): string {
  return path.length === 0 ? 'at the top' : path.join('/')
}

const mostShown = 100

/** A value, for people. */
export function shown (value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text
}
