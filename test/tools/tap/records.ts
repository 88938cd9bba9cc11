/** An event in its capsule, known by its number. */
export function eventOf (schema: string, seqId: number, event: object = {}, wiki = 'enwiki'): string {
  return JSON.stringify({ schema, revision: 1, wiki, seqId, uuid: `${seqId}`, event })
}

export function errorAbout (schema: string, seqId: number): string {
  return eventOf('EventError', seqId, { schema, revision: 1, rawEvent: 'x', message: 'wrong', code: 'validation' }, '')
}

export const records = [
  eventOf('Edit', 1, { action: 'init', duration: 5 }),
  eventOf('Edit', 2, { action: 'init', duration: 500 }, 'dewiki'),
  eventOf('Other', 3, { schema: 'Edit' }),
  errorAbout('Edit', 4),
  errorAbout('Other', 5),
  'a raw line'
]

export const last = eventOf('Edit', 9, { action: 'init', duration: 501 }, 'dewiki')
