/** The lines that go into the chain. Which record a line becomes, and where it belongs, follows from its number. */

/** Of lines without what `forwarder --count` puts before them; the second field is the line's number. */
export const lineFormat = '%{seqId}d %{recvFrom}s %o %t %j'

/** Records whose order must be kept: those of one table. The first has the valid ones of one schema, and so on. */
export interface Stream {
  readonly table: string
  /** What is in the table's column of that name, and in the event of a record, tells the number. */
  readonly field: string
  numberOf (value: unknown): number
}

const invalid: Stream = { table: 'EventError_14035058', field: 'rawEvent', numberOf: raw => Number(String(raw).split(' ')[2]) }
const streams = {
  DemoButtonClick: { table: 'DemoButtonClick_1', field: 'clicks', numberOf: clicks => Number(clicks) - 1 },
  NavigationTiming: { table: 'NavigationTiming_1', field: 'pageId', numberOf: Number },
  ServerSideAccountCreation: { table: 'ServerSideAccountCreation_1', field: 'userId', numberOf: id => Number(id) - 1 },
  EventError: invalid
} satisfies Record<string, Stream>

export const allStreams: readonly Stream[] = Object.values(streams)

export function streamOfLine (number: number): Stream {
  return isInvalid(number) ? invalid : streams[schemaOf(number)]
}

/** Of a record as it travels. */
export function streamOfRecord (schema: string): Stream {
  const stream: Stream | undefined = (streams as Record<string, Stream>)[schema]
  if (stream === undefined) throw new Error(`there is an event of ${schema}, which was never sent`)
  return stream
}

export function line (number: number): string {
  const json = JSON.stringify({ schema: schemaOf(number), revision: 1, wiki: 'testwiki', event: eventOf(number) })
  return `cp${number % 40}.example.org ${number} 2014-05-21T09:30:01 ${isInvalid(number) ? damaged(json, number) : json}\n`
}

function isInvalid (number: number): boolean {
  return number % 10 === 7
}

function schemaOf (number: number): 'DemoButtonClick' | 'NavigationTiming' | 'ServerSideAccountCreation' {
  return number % 3 === 0 ? 'DemoButtonClick' : number % 3 === 1 ? 'NavigationTiming' : 'ServerSideAccountCreation'
}

function eventOf (number: number): object {
  switch (schemaOf(number)) {
    case 'DemoButtonClick': return { button: 'save', clicks: number + 1, label: 'Größe🦣'.repeat(number % 25) }
    case 'NavigationTiming': return { isAnon: true, pageId: number, action: 'view', originCountry: 'DE', mediaWikiVersion: '1.24wmf5' }
    case 'ServerSideAccountCreation': return { userId: number + 1, userName: `User-${number}`, isSelfMade: true, token: '', campaign: '', displayMobile: false }
  }
}

/** Three ways of being none: no JSON, a schema that nobody knows, a field of another type; the last ones are long. */
function damaged (json: string, number: number): string {
  switch (Math.floor(number / 10) % 3) {
    case 0: return json.slice(0, -2)
    case 1: return json.replace('"revision":1', '"revision":404')
    default: return json.replace('"wiki":"testwiki"', `"wiki":["${'x'.repeat(number % 5000)}"]`)
  }
}
