import { relative } from 'node:path'
import { storesIn } from './topology.js'
import type { Sampler } from './samples.js'
import { fieldsOf } from './sample-values.js'
import type { CommandLine } from './view.js'

/** The wiki of the events that are sent by hand, by which they are found. */
const mark = 'by-hand'

/** Commands to copy: one sends a small event of this schema to the port, one finds it in the file. */
export function exampleFor ({ schema, make }: Sampler, port: number, directory: string): { send: CommandLine, find: string } {
  const { event } = make()
  const fields = fieldsOf(schema.modern)
  const required = fields.filter(([,, required]) => required).map(([name]) => name)
  const shown = required.length > 0 ? required : Object.keys(event).slice(0, 2)
  const small = Object.fromEntries(Object.entries(event).filter(([name]) => shown.includes(name)))
  return {
    send: [
      `curl -i http://127.0.0.1:${port}/event.gif`,
      `-d '{"schema":${quotable(schema.name)},`,
      `"revision":${schema.revision},`,
      `"wiki":"${mark}",`,
      `"event":${quotable(small)}}'`
    ],
    find: `grep ${mark} ${inShell(shortest(storesIn(directory).json))}`
  }
}

/** JSON that can stand between single quotes in a shell. */
function quotable (value: unknown): string {
  return JSON.stringify(value).replaceAll('\'', '\\u0027')
}

/** A word for a shell, in quotes if it needs them. */
function inShell (word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`
}

/** A path as one would type it here. */
export function shortest (path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere.length < path.length ? fromHere : path
}
