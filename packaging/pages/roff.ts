/** Escapes of what means something to roff, or would be printed as something else than can be typed. */
const escapes: Readonly<Record<string, string>> = { '\\': '\\e', '\'': '\\(aq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti', '"': '\\(dq' }

/** Text that may stand anywhere, at the start of a line too. */
export function plain (text: string): string {
  const escaped = text.replace(/[\\'`^~"]/g, found => escapes[found] ?? found)
    .replace(/[^\0-\x7f]/gu, found => `\\[u${found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped
}

/** What may be typed or copied: a hyphen is one. */
export function typed (text: string): string {
  return plain(text).replaceAll('-', '\\-')
}

export function bold (text: string): string {
  return `\\fB${typed(text)}\\fR`
}

/** A line may be broken after a bar. */
export function italic (text: string): string {
  return `\\fI${typed(text).replaceAll('|', '|\\:')}\\fR`
}

export function heading (title: string): string {
  return `.SH ${title.toUpperCase()}`
}

export function section (title: string): string {
  return `.SS ${typed(title)}`
}

/** A term, as roff, and what there is to say about it. */
export function entry (term: string, text: string): string[] {
  return ['.TP', term, text === '' ? '\\&' : typed(text)]
}

/** Lines as they are. */
export function verbatim (lines: readonly string[]): string[] {
  return ['.PP', '.nf', '.RS 4', ...lines.map(line => typed(line) === '' ? '\\&' : typed(line)), '.RE', '.fi']
}

/** Lines of plain text: one that is indented is a term and its text; one that ends a sentence ends the line. */
export function notes (text: string): string[] {
  if (text === '') return []
  const out: string[] = []
  let last = ''
  for (const line of text.trimEnd().split('\n')) {
    const [, term, meaning] = /^ {2}(\S+) {2,}(.*)$/.exec(line) ?? []
    if (line.trim() === '') out.push('.PP')
    else if (term !== undefined && meaning !== undefined) out.push(...entry(bold(term), meaning))
    else out.push(...last === '' || /^ {2}/.test(last) ? ['.PP'] : /[.:;]$/.test(last) ? ['.br'] : [], typed(line.trim()))
    last = line
  }
  return out
}

function startsParagraph (line = '.SH'): boolean {
  return /^\.(SH|SS|PP|TP)\b/.test(line)
}

/** A page: its heading line, and its lines. */
export function page ({ name, section, date, version, manual }: { name: string, section: number, date: string, version: string, manual: string }, lines: readonly string[]): string {
  return [
    '.\\" generated from the commands by packaging/pages',
    `.TH ${typed(name.toUpperCase())} ${section} ${date} "vanadium ${version}" "${manual}"`,
    // neither hyphenated nor stretched: most of it is names and examples
    '.nh', '.ad l', ...lines.filter((line, at) => line !== '.PP' || !(startsParagraph(lines[at + 1]) || startsParagraph(lines[at - 1]))), ''
  ].join('\n')
}
