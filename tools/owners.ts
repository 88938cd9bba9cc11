import { defineCommand, type CommandContext } from '../lib/cli/command.js'
import { openCounts, type Counts } from '../lib/counts/read.js'
import { unknownSchema } from '../lib/event/composition.js'
import { StreamError } from '../lib/errors.js'
import { sendMail, type Mail } from '../lib/mail/mail.js'
import { judge, type News } from './owners/episodes.js'
import { memoryText, readMemory, type Memory } from './owners/memory.js'
import { address, countedFrom, finder, send } from './owners/post.js'
import { observe } from './owners/share.js'

/** Under this it remembers what was told. */
const memoryKey = 'owners'

export const owners = defineCommand({
  name: 'owners',
  summary: 'Tells the owners of schemas by mail when too many of their events do not validate, and when that is over.',
  examples: [
    ['vanadium owners', 'looks once, and sends what there is to tell: for a timer, every five minutes'],
    ['vanadium owners --dry-run', 'prints the mails instead, and remembers nothing']
  ],
  notes: 'Owners and limits (thresholds/invalid) are in the registry; what nobody owns is told to its operators, in a line. Each owner gets at most\n' +
    'one mail a run: when it begins, when it becomes critical, once a day while it lasts, and when it is over. docs/schema-owners.md\n' +
    'says more. Exit code 1: a mail could not be sent; the next run tries again.\n\n',
  options: {
    'dry-run': { type: 'boolean', default: false, description: 'Print the mails, send and remember nothing' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ 'dry-run': isDry }, _transports, { state, prefix }) {
    return async ctx => {
      const counts = openCounts(state)
      for (const why of counts.unreadable) ctx.log.warn('counts of a monitor cannot be read', { why })
      try {
        const memory = readMemory((isDry ? ctx.stateIfAny : ctx.state)?.position(memoryKey) ?? null)
        const keep = (): void => { if (!isDry) ctx.state.note(memoryKey, memoryText(memory)) }
        const nowMs = Date.now()
        address(memory, lookForNews(memory, counts, ctx, nowMs), ctx.registry)
        // before anything is sent: who is killed meanwhile tells it the next time
        keep()
        const waiting = await send(memory, { registry: ctx.registry, counts, prefix, log: ctx.log, send: isDry ? print : async mail => { await sendMail(ctx.registry.mail, mail) }, keep }, nowMs)
        if (waiting > 0) throw new StreamError('cannot-write', `${waiting === 1 ? 'a mail was' : `${waiting} mails were`} not sent; the next run tries again`)
      } finally {
        counts.close()
      }
    }
  }
})

/** What is new since the last run; enters it into the memory. */
function lookForNews ({ episodes }: Memory, counts: Counts, { registry }: CommandContext, nowMs: number): News[] {
  const find = finder(registry)
  return observe(counts, schema => find(schema).thresholds.invalid, nowMs).flatMap(seen => {
    const { episode, news } = judge(episodes.get(seen.schema), seen, nowMs)
    if (episode === null) episodes.delete(seen.schema)
    else episodes.set(seen.schema, episode)
    if (news === null) return []
    return news.kind === 'over' ? [{ ...news, ...sumsOf(counts, news, nowMs) }] : [news]
  })
}

/** Of the whole episode, to the minute. */
function sumsOf (counts: Counts, { schema, sinceMs, atMs }: News, nowMs: number): { invalid: number, events: number } {
  let invalid = 0
  let events = 0
  for (const row of counts.bySchema(countedFrom(sinceMs, nowMs), countedFrom(atMs, nowMs))) {
    if (row.schema === schema) invalid += row.invalid
    if (row.schema === schema || schema === unknownSchema) events += row.valid + row.invalid
  }
  return { invalid, events }
}

async function print ({ to, subject, text }: Mail): Promise<void> {
  await new Promise<void>(resolve => process.stdout.write(`To: ${to.join(', ')}\nSubject: ${subject}\n\n${text}\n`, () => { resolve() }))
}
