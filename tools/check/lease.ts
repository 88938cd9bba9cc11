import { messageOf } from '../../lib/errors.js'
import { classify } from '../../lib/sql/errors.js'
import { isThere, readLease, type Lease } from '../../lib/sql/mysql/lease-tables.js'
import { leaseName, leaseOptions, unreadable } from '../lease/options.js'
import { shortName } from '../lease/report.js'
import { durationText } from '../text.js'
import { databaseTarget } from './database.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { stateOf, worst, type Figure, type Result } from './result.js'

export const lease = defineCheck({
  name: 'lease',
  summary: 'Whether one of several consumers of the same events writes, and another stands by that could take over: seconds that it is behind.',
  examples: [
    ['vanadium check lease --read \'mysql://db.example.org/log?defaults-file=/etc/vanadium/check.cnf\' --lease events', 'critical if nobody writes, warning if nobody stands by'],
    ['vanadium check lease --read \'mysql:///log?defaults-file=/etc/vanadium/check.cnf\' --lease events -w 30 -c 300 -v', 'the standby may be half a minute behind']
  ],
  notes: 'The account needs SELECT on vanadium_leases and vanadium_lease_members, and nothing else. Who was not heard of for three times lease-seconds stands\n' +
    'by no more. Of several that stand by, the one counts that is least behind.\n\n',
  options: leaseOptions,
  ranges: { warning: '120', critical: '900' },
  light: false,
  prepare ({ read, lease: given }, _common, _ranges, transports) {
    const target = databaseTarget('--read', read, transports, ['mysql'])
    const name = leaseName(given)

    return async ctx => {
      const timer = new AbortController()
      const timeout = setTimeout(() => { timer.abort() }, ctx.timeoutMs)
      try {
        const db = await target.open('check lease', AbortSignal.any([ctx.stop, timer.signal]))
        return resultOf(await readLease(async sql => await db.query(sql), name), name, ctx)
      } catch (error) {
        const isLate = timer.signal.aborted
        if (!isLate && classify(error) !== 'wait') throw unreadable(target.name, error)
        return { state: 'critical', summary: `the database does not answer: ${isLate ? `nothing for ${ctx.timeoutMs / 1000} s` : messageOf(error)}`, details: [target.name] }
      } finally {
        clearTimeout(timeout)
      }
    }
  }
})

function resultOf (lease: Lease | null, name: string, { warning, critical, verbose }: CheckContext): Result {
  if (lease === null) return { state: 'critical', summary: `nobody ever had the lease ${name}: no consumer names it, or in another database` }
  const { holder, members } = lease
  const there = members.filter(member => isThere(lease, member))
  const standbys = there.filter(({ member }) => member !== holder).sort((a, b) => a.lagSeconds - b.lagSeconds)
  const [best] = standbys
  const writer = members.find(({ member }) => member === holder)
  const who = writer === undefined ? holder : shortName(writer)
  const details = verbose ? members.map(member => `${shortName(member)}: ${member.member === holder ? 'writes' : isThere(lease, member) ? 'stands by' : 'gone'}, seen ${durationText(member.seenSecondsAgo * 1000)} ago, ${durationText(member.lagSeconds * 1000)} behind`) : []
  const figures: Figure[] = [
    { label: 'members', value: there.length, min: 0 },
    ...(best === undefined ? [] : [{ label: 'standby_behind', value: best.lagSeconds, unit: 's', warning, critical, min: 0 } as const]),
    ...(writer === undefined ? [] : [{ label: 'holder_behind', value: writer.lagSeconds, unit: 's', min: 0 } as const])
  ]
  if (holder === '') return { state: 'critical', summary: `nobody writes: the lease ${name} is free, and ${there.length === 0 ? 'no consumer is there' : `${there.length} could take it`}`, details, figures }
  if (best === undefined) return { state: 'warning', summary: `${who} writes, and nobody stands by`, details, figures }
  return {
    state: worst([stateOf(best.lagSeconds, warning, critical)]),
    summary: `${who} writes; ${shortName(best)} stands by, ${durationText(best.lagSeconds * 1000)} behind`,
    details,
    figures
  }
}
