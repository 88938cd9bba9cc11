/** A mail as it was received. */
export interface ReceivedMail {
  /** Of the envelope. */
  readonly recipients: readonly string[]
  /** Names in lower case; of several with one name the last; folded lines and encoded words undone. */
  readonly headers: Readonly<Record<string, string>>
  readonly subject: string
  /** The text/plain part, newlines as `\n`. */
  readonly text: string
  /** The text/html part. */
  readonly html: string
  readonly attachments: ReadonlyArray<{ readonly name: string, readonly type: string, readonly cid: string, readonly content: Buffer }>
  /** All of it. */
  readonly source: string
}

interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly type: string
  readonly content: Buffer
}

/** As much of MIME as a mail of ours may have: nested multiparts, base64 and quoted-printable. */
export function parseMail (source: Buffer, recipients: readonly string[] = []): ReceivedMail {
  const whole = source.toString('latin1').replace(/\r?\n/g, '\n')
  const [headers] = split(whole)
  const parts = partsOf(whole)
  const textOf = (type: string): string => (parts.find(part => part.type === type)?.content.toString() ?? '').replace(/\r\n/g, '\n')
  return {
    recipients,
    headers,
    subject: headers['subject'] ?? '',
    text: textOf('text/plain'),
    html: textOf('text/html'),
    attachments: parts.filter(({ headers }) => headers['content-disposition'] !== undefined).map(({ headers, type, content }) => ({
      name: parameter(headers['content-disposition'], 'filename') ?? '',
      type,
      cid: (headers['content-id'] ?? '').replace(/^<|>$/g, ''),
      content
    })),
    source: source.toString()
  }
}

function partsOf (text: string): Part[] {
  const [headers, body] = split(text)
  const [type = 'text/plain'] = (headers['content-type'] ?? 'text/plain').split(';')
  const boundary = parameter(headers['content-type'], 'boundary')
  if (type.startsWith('multipart/') && boundary !== undefined) {
    const pieces = `\n${body}`.split(`\n--${boundary}`).slice(1)
    return pieces.filter(piece => !piece.startsWith('--')).flatMap(piece => partsOf(piece.replace(/^\n/, '')))
  }
  return [{ headers, type, content: decoded(body, headers['content-transfer-encoding'] ?? '7bit') }]
}

function split (text: string): [headers: Record<string, string>, body: string] {
  const end = text.startsWith('\n') ? 0 : text.indexOf('\n\n')
  const head = end < 0 ? text : text.slice(0, end)
  const lines = head.replace(/\n[ \t]+/g, ' ').split('\n').filter(line => line.includes(':'))
  const headers = lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), words(line.slice(line.indexOf(':') + 1).trim())])
  return [Object.fromEntries(headers) as Record<string, string>, end < 0 ? '' : text.slice(end).replace(/^\n+/, '')]
}

function decoded (body: string, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body, 'base64')
  return encoding === 'quoted-printable' ? quoted(body) : Buffer.from(body, 'latin1')
}

function quoted (text: string): Buffer {
  return Buffer.from(text.replace(/=\n/g, '').replace(/=([0-9A-Fa-f]{2})/g, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1')
}

/** RFC 2047. */
function words (text: string): string {
  return text.replace(/(\?=)\s+(?==\?)/g, '$1').replace(/=\?[^?]+\?([BQ])\?([^?]*)\?=/gi, (_whole, kind: string, content: string) =>
    (kind.toUpperCase() === 'B' ? Buffer.from(content, 'base64') : quoted(content.replace(/_/g, ' '))).toString())
}

function parameter (header: string | undefined, name: string): string | undefined {
  return new RegExp(`;\\s*${name}="?([^";]+)"?`, 'i').exec(header ?? '')?.[1]
}
