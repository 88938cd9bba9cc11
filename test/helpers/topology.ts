import type { Test } from 'tap'
import { parseUri } from '../../lib/stream/uri.js'

/** A daemon of a topology, as far as others see it. */
export interface Member {
  readonly daemon: string
  /** The instance. */
  readonly name: string
  /** URIs of --input, without the names that a monitor gives them. */
  readonly inputs: readonly string[]
  /** URIs of --output and --invalid. */
  readonly outputs: readonly string[]
}

export interface PublishedStream {
  readonly by: string
  readonly uri: string
  readonly address: string
  readonly port: number
  readonly journal: string | undefined
  readonly replay: number | undefined
}

/** The streams that daemons publish over TCP. */
export function publishedBy (members: readonly Member[]): PublishedStream[] {
  return members.flatMap(({ daemon, name, outputs }) => [...new Set(outputs)].filter(isTcp).map(uri => {
    const { port } = parseUri(uri)
    const replay = optionOf(uri, 'replay')
    return { by: `${daemon} ${name}`, uri, address: addressOf(uri), port: port ?? 0, journal: optionOf(uri, 'journal'), replay: replay === undefined ? undefined : Number(replay) }
  }))
}

/** Checks that whatever is read is published there, journaled where it is read under a name, and that nobody is in another's way. */
export function checkTopology (t: Test, members: readonly Member[]): void {
  const published = publishedBy(members)
  for (const { daemon, name, inputs } of members) {
    for (const input of inputs.filter(isTcp)) {
      const publishers = published.filter(({ address }) => address === addressOf(input))
      const as = optionOf(input, 'as')
      t.equal(publishers.length, 1, `${daemon} ${name} reads ${input}, which one daemon publishes`)
      t.equal(publishers[0]?.journal !== undefined, as !== undefined, `${daemon} ${name} reads ${input} as it is published: ${publishers[0]?.uri}`)
      t.ok(as === undefined || as === name, `${daemon} ${name} reads ${input} under the name of the instance`)
    }
  }
  t.strictSame(repeated(published.flatMap(({ port, replay }) => [port, ...(replay === undefined ? [] : [replay])])), [], 'each port is used once')
  t.strictSame(repeated(published.flatMap(({ journal }) => journal ?? [])), [], 'each journal has a name of its own')
}

function isTcp (uri: string): boolean {
  return uri.startsWith('tcp:')
}

function addressOf (uri: string): string {
  return uri.replace(/\?.*/, '')
}

function optionOf (uri: string, option: string): string | undefined {
  return parseUri(uri).query.find(([name]) => name === option)?.[1]
}

function repeated<T> (values: readonly T[]): T[] {
  return values.filter((value, i) => values.indexOf(value) !== i)
}
