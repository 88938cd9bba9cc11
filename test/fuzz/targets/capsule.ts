import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAddressHasher } from '../../../lib/event/address-hash.js'
import { compileFormat } from '../../../lib/event/line-format.js'
import { createOptOut } from '../../../lib/event/opt-out.js'
import { createEventProcessor, type EventProcessor } from '../../../lib/event/processor.js'
import { openSchemas } from '../../../lib/event/schema-repository.js'
import { createUserAgentParser } from '../../../lib/event/user-agent.js'
import { createLog } from '../../../lib/log.js'
import type { Target } from '../harness.js'
import { longest, mutateJson, mutateText, oddJson } from '../mutate.js'
import type { Random } from '../random.js'
import { seedEvents, seedLines, seedSchemaDirectories } from './seeds.js'

interface Input { readonly format: string, readonly line: string }

/** A schema that has one of everything that takes time. */
const fuzzSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  properties: {
    action: { type: 'string', enum: ['view', 'edit'], pattern: '^(v|e)[a-z]{1,20}$' },
    n: { type: 'integer', multipleOf: 0.1 },
    token: { type: ['string', 'integer'], maxLength: 10_000 },
    list: { uniqueItems: true, items: { anyOf: [{ type: 'integer' }, { type: 'string', format: 'uri' }, { $ref: '#/definitions/node' }] } },
    nested: { $ref: '#/definitions/node' }
  },
  patternProperties: { '^x(a|b)*$': { format: 'date-time' } },
  definitions: {
    node: { anyOf: [{ properties: { nested: { $ref: '#/definitions/node' } }, required: ['b'] }, { properties: { nested: { $ref: '#/definitions/node' } }, required: ['c'] }, { required: ['a'] }] }
  }
}

/** What a line goes through in a processor. */
export const capsules: Target<Input> = {
  name: 'capsule',
  async open () {
    const directory = mkdtempSync(join(tmpdir(), 'schemas-'))
    mkdirSync(join(directory, 'Fuzz'))
    writeFileSync(join(directory, 'Fuzz', '1.json'), JSON.stringify(fuzzSchema))
    const log = createLog({ level: 'error' })
    const schemas = await openSchemas({ directories: [directory, ...seedSchemaDirectories()], log })
    const hasher = openAddressHasher({ keyFile: join(directory, 'address.key'), cacheSize: 100, log })
    const lines = seedLines()
    const events = seedEvents()
    const userAgents = createUserAgentParser({ cacheSize: 100 })
    const fields = new Map([['Fuzz', 'event.token'], ['EchoMail', 'event.recipientUserId']])
    const optOut = createOptOut({ users: { isEmpty: false, has: user => user === 'nobody' }, fields: () => fields, isKnown: name => name === 'Fuzz' })
    const processors = new Map<string, EventProcessor>(lines.map(({ format }) => [format, createEventProcessor({
      format: compileFormat(format),
      schemas,
      hashAddress: address => hasher.hash(address),
      parseUserAgent: userAgent => userAgents.parse(userAgent),
      maxLine: longest,
      hostname: 'here',
      optOut
    })]))
    const texts = lines.map(({ line }) => line)

    return {
      generate (random) {
        const { format, line } = random.pick(lines)
        if (random.oneIn(4)) return { format, line: mutateText(random, line, texts) }
        if (random.oneIn(20)) return { format, line: manyAddresses(random) }
        const event = random.oneIn(3) ? random.pick(events) : mutateJson(random, random.pick(events))
        const json = random.oneIn(3) ? JSON.stringify(event) : oddJson(random, event)
        const damaged = random.oneIn(3) ? mutateText(random, json) : json
        const capsule = format.includes('%j') ? damaged : `?${encoded(damaged)};`
        const whole = line.replace(format.includes('%j') ? /\{.*\}/ : /^\S+/, () => capsule)
        return { format, line: random.oneIn(5) ? mutateText(random, whole, texts) : whole }
      },
      run ({ format, line }) {
        const outcome = processors.get(format)?.process(line)
        if (outcome === undefined || !('json' in outcome)) return
        const record = JSON.parse(outcome.json) as Record<string, unknown>
        if (outcome.json.includes('\n') || typeof record['event'] !== 'object') throw new Error('what came out is no record')
      }
    }
  }
}

/** What is no line of any format, and full of what must not be kept. */
function manyAddresses (random: Random): string {
  const part = (): number => random.int(256)
  const address = random.oneIn(2) ? () => `${part()}.${part()}.${part()}.${part()}` : () => `${part().toString(16)}::${part().toString(16)}`
  return Array.from({ length: random.size(16_000) }, address).join(' ').slice(0, longest)
}

/** Percent-encoded, as far as it can be: half of a surrogate pair cannot. */
function encoded (text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replaceAll('%20', '+')
}
