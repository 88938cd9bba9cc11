import type { Target } from '../harness.js'
import { planted } from './planted.js'
import { argumentFiles } from './arguments.js'
import { capsules } from './capsule.js'
import { expressions } from './expression.js'
import { http } from './http.js'
import { json } from './json.js'
import { journalMessages } from './journal-messages.js'
import { lineFormats } from './line-format.js'
import { mergeLines } from './merge-lines.js'
import { optOutLists } from './opt-out-list.js'
import { patterns } from './pattern.js'
import { registries } from './registry.js'
import { schemas } from './schema.js'
import { sockets } from './sockets.js'
import { uris } from './uri.js'
import { userAgents } from './user-agent.js'

/** All that are fuzzed. */
export const targets: readonly Target[] = [
  lineFormats, capsules, userAgents, json, schemas, patterns, journalMessages, sockets, http, argumentFiles, uris, registries, optOutLists, expressions, mergeLines
]

/** One of them, or one that is bad on purpose, to see that the harness tells. */
export function findTarget (name: string): Target {
  const found = [...targets, ...planted].find(target => target.name === name)
  if (found === undefined) throw new Error(`there is no target ${name}; there are ${targets.map(({ name }) => name).join(', ')}`)
  return found
}
