/** Fields that are told apart, and how much of their names: they come from strangers. */
const mostFields = 50
const mostCharacters = 100

/** Longer lines are not looked into. */
const mostBytes = 1 << 20

const address = Buffer.from('"clientIp":"')
const quotationMark = 0x22

/** What lines of the same event say differently. */
export class Differences {
  /** Lines that were left out and say something else than the one that was kept. */
  lines = 0
  /** How many of them, by the field that differs. */
  readonly #fields = new Map<string, number>()

  /** Most frequent first. */
  get fields (): Array<readonly [field: string, lines: number]> {
    return [...this.#fields].sort(([, a], [, b]) => b - a)
  }

  /** Lines of which nothing more is known than that a field differs. */
  add (field: string, lines: number): void {
    this.lines += lines
    this.#count(field, lines)
  }

  /** Two lines with the same uuid that are not the same. */
  note (kept: Buffer, other: Buffer): void {
    this.lines++
    if (differInAddress(kept, other)) {
      this.#count('clientIp', 1)
      return
    }
    for (const field of fieldsOf(kept, other)) this.#count(field.slice(0, mostCharacters), 1)
  }

  #count (field: string, lines: number): void {
    const name = this.#fields.has(field) || this.#fields.size < mostFields ? field : '(others)'
    this.#fields.set(name, (this.#fields.get(name) ?? 0) + lines)
  }
}

/** In which two lines differ. */
function fieldsOf (kept: Buffer, other: Buffer): string[] {
  if (Math.max(kept.length, other.length) > mostBytes) return ['(long)']
  const [a, b] = [kept, other].map(line => JSON.parse(line.toString()) as Record<string, unknown>) as [Record<string, unknown>, Record<string, unknown>]
  try {
    const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(field => textOf(a, field) !== textOf(b, field))
    return fields.length === 0 ? ['(order or spelling)'] : fields
  } catch (error) {
    // nested too deeply for JSON.stringify, not for JSON.parse
    if (error instanceof RangeError) return ['(long)']
    throw error
  }
}

function textOf (object: Record<string, unknown>, field: string): string | undefined {
  return Object.hasOwn(object, field) ? JSON.stringify(object[field]) : undefined
}

/** Whether nothing else differs than the hash of an address, which two hosts with keys of their own never have alike: to parse all of their lines would take long. */
function differInAddress (a: Buffer, b: Buffer): boolean {
  const at = a.indexOf(address)
  if (at === -1 || a.length !== b.length || at !== b.indexOf(address) || at !== a.lastIndexOf(address)) return false
  const start = at + address.length
  const end = a.indexOf(quotationMark, start)
  return end === b.indexOf(quotationMark, start) && a.compare(b, 0, start, 0, start) === 0 && a.compare(b, end, b.length, end, a.length) === 0
}
