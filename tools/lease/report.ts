import { isThere, type Lease, type Member } from '../../lib/sql/mysql/lease-tables.js'
import { durationText, tableText } from '../text.js'

/** Host and instance; what tells states apart is for programs. */
export function shortName ({ host, instance }: Pick<Member, 'host' | 'instance'>): string {
  return `${host}/${instance}`
}

/** For people. */
export function leaseText (lease: Lease | null, name: string): string {
  if (lease === null) return `nobody ever had the lease ${name} in this database\n`
  const { holder, members, since, secondsLeft, token, wantedBy } = lease
  const called = (member: string): string => {
    const found = members.find(one => one.member === member)
    return found === undefined ? member : shortName(found)
  }
  const head = holder === ''
    ? `lease ${name}: nobody writes\n`
    : `lease ${name}: ${called(holder)} writes since ${since.replace(/\.\d+/, '')}, for ${durationText(secondsLeft * 1000)} more unless it is renewed (token ${token})\n`
  const rows = [...members].sort((a, b) => a.seenSecondsAgo - b.seenSecondsAgo).map(member => [
    shortName(member),
    member.member === holder ? 'writes' : isThere(lease, member) ? 'stands by' : 'gone',
    `${durationText(member.seenSecondsAgo * 1000)} ago`,
    durationText(member.lagSeconds * 1000),
    member.version
  ])
  const wish = wantedBy === '' ? '' : `${called(wantedBy)} asks for it: it has events that are not stored\n`
  return `${head}${wish}${tableText(['member', 'role', 'seen', 'behind', 'version'], rows, ['seen', 'behind'])}`
}
