import type { FieldPath, Sampling, Thresholds } from './entry.js'

/** Addresses are handed to a mail program: one address, nothing that could be two or a header. */
const address = { type: 'string', pattern: '^[^\\s<>,;:"\']+@[^\\s<>,;:"\']+$', maxLength: 254, allowed: 'one address, as ops@example.org' } as const
const webUrl = { type: 'string', pattern: '^https?://[^\\s/]\\S*$', allowed: 'a URL, as http://127.0.0.1:8080' } as const
const url = { type: 'string', pattern: '^(https?|file)://\\S+$', allowed: 'a URL, as https://docs.example.org or file:///usr/share/doc' } as const
const passwordFile = { type: 'string', pattern: '^/[^\\p{Cc}]+$', allowed: 'the path of a file, as /etc/vanadium/smtp-password' } as const
const line = { type: 'string', pattern: '^[^\\p{Cc}]{1,1000}$', allowed: 'one line of text, at most 1,000 characters' } as const
const days = { type: 'integer', minimum: 1, maximum: 36_500 } as const
const field = { type: 'string', pattern: '^[^\\s.]+(\\.[^\\s.]+)*$', maxLength: 1000, allowed: 'a field, as wiki or event.action' } as const
const fields = { type: 'array', items: field, maxItems: 1000, uniqueItems: true } as const
const date = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$', allowed: 'a date, as 2030-12-31' } as const

function limits (description: string, most?: number): object {
  const number = { type: 'number', minimum: 0, ...(most === undefined ? {} : { maximum: most }) }
  return {
    type: 'object',
    description,
    properties: { warning: { ...number, description: 'From here on it is worth a warning.' }, critical: { ...number, description: 'From here on it is worth an alarm.' } },
    required: ['warning', 'critical'],
    additionalProperties: false
  }
}

const thresholds = {
  type: 'object',
  properties: {
    over: limits('So many events a second, or more, are too many.'),
    under: limits('So many events a second, or fewer, are too few.'),
    invalid: limits('Such a share of events that do not validate, from 0 to 1, is too large.', 1)
  },
  additionalProperties: false
} as const

const owner = {
  if: { type: 'object' },
  then: {
    type: 'object',
    properties: { name: { ...line, description: 'For people.' }, mail: { ...address, description: 'Where mail goes.' } },
    required: ['mail'],
    additionalProperties: false
  },
  else: address
} as const

const sampling = {
  type: 'object',
  description: 'Which of the events are kept; without it all are.',
  properties: {
    rate: { type: 'number', minimum: 0, maximum: 1, description: 'Share of the events that are kept, from 0 to 1.' },
    by: { ...field, description: 'Field whose value decides, as event.sessionToken, so that what shares a value is kept or dropped as a whole; without it each event by itself.' }
  },
  required: ['rate'],
  additionalProperties: false
} as const

const anonymisation = {
  if: { type: 'object' },
  then: {
    type: 'object',
    properties: {
      truncate: { type: 'integer', minimum: 1, maximum: 100, description: 'Of a text the first characters, of a whole number the first digits, are kept.' },
      bucket: { type: 'number', exclusiveMinimum: 0, description: 'Of a number the largest multiple of this that is not above it is kept.' }
    },
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false
  },
  else: { enum: ['hash'], allowed: 'hash, or truncate: or bucket: with a number' }
} as const

const retention = {
  type: 'object',
  description: 'What is kept of the events, and for how long.',
  properties: {
    days: { ...days, description: 'Days for which an event is kept whole; more than those of all schemas only with a reason and an end date.' },
    keep: { ...fields, description: 'Fields that are kept for ever, as event.action, with all below them; never addresses and user agents. When neither this nor anonymise names any, events are deleted.' },
    anonymise: {
      type: 'object',
      propertyNames: field,
      additionalProperties: anonymisation,
      description: 'Fields that are kept for ever, but changed: hash (with a salt that is thrown away), truncate or bucket.'
    },
    aggregate: {
      type: 'object',
      description: 'What is counted by day before events are purged, into <Schema>_daily.',
      properties: {
        by: { ...fields, description: 'Fields that make a row of their own for each combination of values.' },
        of: { ...fields, description: 'Fields of numbers: their sum and percentiles.' }
      },
      additionalProperties: false
    },
    reason: { ...line, description: 'Why the events are kept for longer than others.' },
    until: { ...date, description: 'Until when (UTC, inclusive) they are; then the days of all schemas count.' }
  },
  additionalProperties: false
} as const

/** As it is written down; what it means: `Retention`. */
export interface RetentionInFile {
  days?: number
  keep?: FieldPath[]
  anonymise?: Record<FieldPath, AnonymisationInFile>
  aggregate?: { by?: FieldPath[], of?: FieldPath[] }
  reason?: string
  until?: string
}

export type AnonymisationInFile = 'hash' | { truncate: number } | { bucket: number }

/** As it is written down; what it means: `SchemaEntry`. */
export interface EntryInFile {
  owners?: Array<string | { name?: string, mail: string }>
  team?: string
  description?: string
  thresholds?: Thresholds
  sampling?: Pick<Sampling, 'rate'> & { by?: FieldPath }
  retention?: RetentionInFile
  volume?: number
  user?: FieldPath
}

const schemas = {
  type: 'object',
  description: 'What is known of each schema besides its shape, by its name.',
  propertyNames: { pattern: '^[A-Za-z0-9_./-]{1,63}$', allowed: 'the name of a schema: letters, digits and _ . / -, at most 63' },
  additionalProperties: {
    type: ['object', 'null'],
    properties: {
      owners: { type: 'array', items: owner, description: 'Who answers for it and is told what is wrong with its events: addresses, or name: and mail:.' },
      team: { ...line, description: 'The team that it belongs to.' },
      description: { ...line, description: 'What it is for.' },
      thresholds: { ...thresholds, description: 'What is normal for it, where that is not what the registry has for all.' },
      sampling,
      retention,
      volume: { type: 'number', minimum: 0, description: 'Events a day that are expected.' },
      user: { ...field, description: 'Field that identifies a user, for those who opted out.' }
    },
    additionalProperties: false
  }
} as const

/**
 * What a registry may hold; a JSON Schema (draft-07) with a keyword of ours: `allowed` completes "give …" where a value is not met.
 * Descriptions are for people who write one.
 */
export const registrySchema = {
  type: 'object',
  properties: {
    operators: { type: 'array', items: address, description: 'Addresses that are told what is wrong with the pipeline.' },
    mail: {
      type: 'object',
      description: 'How mail leaves the host.',
      properties: {
        from: { ...address, description: 'Whom mail is from.' },
        via: {
          type: 'string',
          pattern: '^(/|smtps?://)\\S+$',
          allowed: 'the path of a sendmail program, smtp://host:port or smtps://user@host',
          description: 'The server that takes it, or a sendmail program.'
        },
        'password-file': { ...passwordFile, description: 'A file with nothing in it but the password of that user.' }
      },
      additionalProperties: false
    },
    graphite: { ...webUrl, description: 'graphite-web, for checks and pictures.' },
    'graphite-password-file': { ...passwordFile, description: 'A file with nothing in it but the password of the user in that URL.' },
    'graphite-link': { ...webUrl, description: 'The same as people reach it, for links.' },
    documentation: { ...url, description: 'Where the pages of docs are, for links in mails.' },
    thresholds: { ...thresholds, description: 'What is normal for every schema that says nothing else.' },
    retention: {
      type: 'object',
      description: 'What holds for every schema that says nothing else.',
      properties: { days: { ...days, description: 'Days for which an event is kept whole.' } },
      additionalProperties: false
    },
    schemas
  },
  additionalProperties: false
} as const

/** The same for a fragment. */
export const fragmentSchema = { type: 'object', properties: { schemas }, additionalProperties: false } as const

/** As it is written down; what it means: `Registry`. */
export interface RegistryInFile {
  operators?: string[]
  mail?: { from?: string, via?: string, 'password-file'?: string }
  graphite?: string
  'graphite-password-file'?: string
  'graphite-link'?: string
  documentation?: string
  thresholds?: Thresholds
  retention?: Pick<RetentionInFile, 'days'>
  schemas?: Record<string, EntryInFile | null>
}
