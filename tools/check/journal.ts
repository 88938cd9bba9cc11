import { statfsSync } from 'node:fs'
import { bytesText, durationText, numberText } from '../text.js'
import { configOption, withoutLeftovers } from './leftovers.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { parseRange, type Range } from './range.js'
import { stateOf, worst, type Figure, type Result, type State } from './result.js'
import { roomsOf, type Room, type Rooms } from './rooms.js'

const hourMs = 3_600_000

export const journal = defineCheck({
  name: 'journal',
  summary: 'How much room each journal has, and the disk they are on; in how many hours it is full; for whom it is kept.',
  examples: [
    ['vanadium check journal', 'warning at 60 % or 24 hours before, critical at 80 % or 4'],
    ['vanadium check journal -w 50 -c 70 --warning-hours 48: --critical-hours 12:', 'earlier'],
    ['vanadium check journal -v', 'a line for each journal']
  ],
  notes: '-w and -c are for per cent: bytes of journal-bytes, and of a journal that is kept for a reader that is behind also the age of the\n' +
    'oldest record in it, of journal-age. What is beyond either is lost to that reader. Hours are those in which that will be, as the last\n' +
    'minutes go on; there are none while nothing grows. --warning-disk and --critical-disk are for per cent of the disk, which others\n' +
    'may fill. As another user: membership in the group of the daemons, while the publishers run.\n\n',
  options: {
    config: configOption,
    'warning-hours': { type: 'string', default: '24:', requiresArg: true, description: 'Range of hours until full that is worth a warning' },
    'critical-hours': { type: 'string', default: '4:', requiresArg: true, description: 'The same for an alarm' },
    'warning-disk': { type: 'string', default: '90', requiresArg: true, description: 'Range of per cent of the disk that is worth a warning' },
    'critical-disk': { type: 'string', default: '95', requiresArg: true, description: 'The same for an alarm' }
  },
  ranges: { warning: '60', critical: '80' },
  prepare (options) {
    const range = (name: 'warning-hours' | 'critical-hours' | 'warning-disk' | 'critical-disk'): Range => parseRange(`--${name}`, options[name])
    const limits = {
      config: options.config,
      hours: { warning: range('warning-hours'), critical: range('critical-hours') },
      disk: { warning: range('warning-disk'), critical: range('critical-disk') }
    }

    return async ctx => await Promise.resolve(resultOf(roomsOf(ctx.stateDirectory), diskOf(ctx.stateDirectory), ctx, limits))
  }
})

interface Limits {
  readonly config: string
  readonly hours: { readonly warning: Range, readonly critical: Range }
  readonly disk: { readonly warning: Range, readonly critical: Range }
}

interface Disk {
  readonly usedPercent: number
  readonly freeBytes: number
}

/** As `df` counts: what only root may fill is not there. */
function diskOf (directory: string): Disk {
  const { bsize, blocks, bfree, bavail } = statfsSync(directory)
  const used = blocks - bfree
  return { usedPercent: used + bavail === 0 ? 100 : used / (used + bavail) * 100, freeBytes: bavail * bsize }
}

interface Judged {
  readonly state: State
  /** After the name of the journal, or "the disk": `is 61 % full`. */
  readonly text: string
  /** Of the worst first. */
  readonly percent: number
  readonly name: string
}

function judgedRoom (room: Room, { warning, critical }: CheckContext, { hours }: Limits): Judged {
  const percent = Math.max(room.bytesPercent, room.agePercent)
  const ofHours = room.hours === null ? 'ok' : stateOf(room.hours, hours.warning, hours.critical)
  const holder = room.holder === null ? '' : `, kept for ${room.holder}`
  const when = room.hours === null ? '' : `, ${room.hours === 0 ? 'losing records' : `full in ${durationText(room.hours * hourMs)}`}`
  return { name: `journal ${room.journal}`, percent, state: worst([stateOf(percent, warning, critical), ofHours]), text: `is ${whole(percent)} % full${when}${holder}` }
}

function judgedDisk ({ usedPercent, freeBytes }: Disk, growth: number, { hours, disk }: Limits): Judged & { readonly hours: number | null } {
  const left = growth > 0 ? freeBytes / growth / 3600 : null
  const state = worst([stateOf(usedPercent, disk.warning, disk.critical), left === null ? 'ok' : stateOf(left, hours.warning, hours.critical)])
  return { name: 'the disk', percent: usedPercent, state, hours: left, text: `is ${whole(usedPercent)} % full${left === null ? '' : `, full in ${durationText(left * hourMs)}`}, ${bytesText(freeBytes)} left` }
}

function resultOf ({ rooms, unreadable }: Rooms, disk: Disk, ctx: CheckContext, limits: Limits): Result {
  const growth = rooms.reduce((sum, room) => sum + room.bytesPerSecond, 0)
  const ofDisk = judgedDisk(disk, growth, limits)
  const judged = [...rooms.map(room => judgedRoom(room, ctx, limits)), ofDisk].sort((a, b) => b.percent - a.percent)
  const { missing: allMissing, leftovers } = withoutLeftovers(unreadable, ctx.stateDirectory, limits.config)
  const missing = allMissing.filter(({ instance }) => !/^(consumer|monitor)-/.test(instance))
  const state = worst([...judged.map(one => one.state), ...(missing.length > 0 || rooms.length === 0 ? ['unknown' as const] : [])])
  const guilty = judged.filter(one => one.state === state)
  return {
    state,
    summary: summaryOf(state, guilty, rooms, missing.map(({ instance }) => instance)),
    details: [
      ...missing.map(({ instance, reason }) => `${instance} cannot be read: ${reason}`),
      ...rooms.filter(room => ctx.verbose || judgedRoom(room, ctx, limits).state !== 'ok').map(detailOf),
      ...(ctx.verbose ? leftovers : []),
      ...(ctx.verbose || ofDisk.state !== 'ok' ? [`${ofDisk.name} ${ofDisk.text}`] : [])
    ],
    figures: [...rooms.flatMap(room => figuresOf(room, ctx, limits)), ...diskFigures(disk, ofDisk.hours, limits)]
  }
}

function summaryOf (state: State, [one, ...others]: readonly Judged[], rooms: readonly Room[], missing: readonly string[]): string {
  if (missing.length > 0 && state === 'unknown') return `${missing.join(', ')} cannot be read: run this as the user of the daemons`
  if (rooms.length === 0) return 'no daemon here has a journal'
  if (one !== undefined && state !== 'ok') return `${one.name} ${one.text}${others.length > 0 ? `; ${others.length} more` : ''}`
  const [fullest] = [...rooms].sort((a, b) => b.bytesPercent - a.bytesPercent)
  return `${rooms.length === 1 ? 'the one journal has' : `all ${rooms.length} journals have`} room${fullest === undefined ? '' : `; fullest: ${fullest.journal}, ${whole(fullest.bytesPercent)} %`}`
}

function detailOf (room: Room): string {
  const holder = room.holder === null ? [] : [`kept for ${room.holder}, which lacks ${numberText(room.lacks)} records, the oldest for ${durationText(room.heldMs)}, and was heard ${durationText(room.silentMs)} ago`]
  return [
    `journal ${room.journal} of ${room.publisher}: ${bytesText(room.bytes)} of ${bytesText(room.mostBytes)}${room.isAssumed ? ' (the default; it has not run since)' : ''}`,
    `oldest record ${durationText(room.oldestMs)} of ${durationText(room.mostAgeMs)}`,
    ...(room.bytesPerSecond > 0 ? [`grows by ${bytesText(room.bytesPerSecond * 3600)} an hour`] : []),
    ...holder
  ].join('; ')
}

function figuresOf (room: Room, { warning, critical }: CheckContext, { hours }: Limits): Figure[] {
  return [
    { label: `${room.journal}.used`, value: room.bytesPercent, unit: '%', warning, critical, min: 0, max: 100 },
    { label: `${room.journal}.bytes`, value: room.bytes, unit: 'B', min: 0, max: room.mostBytes },
    { label: `${room.journal}.age`, value: Math.round(room.oldestMs / 1000), unit: 's', min: 0, max: room.mostAgeMs / 1000 },
    ...(room.hours === null ? [] : [{ label: `${room.journal}.hours`, value: room.hours, ...hours, min: 0 }])
  ]
}

function diskFigures ({ usedPercent, freeBytes }: Disk, left: number | null, { disk, hours }: Limits): Figure[] {
  return [
    { label: 'disk.used', value: usedPercent, unit: '%', ...disk, min: 0, max: 100 },
    { label: 'disk.free', value: freeBytes, unit: 'B', min: 0 },
    ...(left === null ? [] : [{ label: 'disk.hours', value: left, ...hours, min: 0 }])
  ]
}

function whole (percent: number): number {
  return Math.floor(percent)
}
