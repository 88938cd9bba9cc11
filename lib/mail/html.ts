/** Text that is HTML already. */
export class Html {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

/** A template for HTML. What is put in is escaped, unless it is `Html` itself; lists are joined. Events and names come from strangers. */
export function html (strings: TemplateStringsArray, ...values: ReadonlyArray<string | number | Html | readonly Html[]>): Html {
  return new Html(strings.map((text, at) => text + (at < values.length ? escaped(values[at] ?? '') : '')).join(''))
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped (value: string | number | Html | readonly Html[]): string {
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(({ text }) => text).join('')
  return String(value).replace(/[&<>"']/g, character => entities[character] ?? '')
}
