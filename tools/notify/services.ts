import type { Kind } from './changes.js'

/** What is known of a service of etc/icinga2. */
export interface Service {
  /** One line: what the alert means. */
  readonly means: string
  /** What to do next; the runbook has the rest. */
  readonly next: readonly [string, string]
  /** What of the schemas tells the cause, and in which direction it is to be looked for. */
  readonly cause?: { readonly kind: Kind, readonly direction: 'up' | 'down' }
  /** The labels of its performance data are schemas. */
  readonly isBySchema?: boolean
  /** Readers that are behind say something about it. */
  readonly isAboutReaders?: boolean
  /** What the graph shows, `PREFIX` standing for that of metrics; with two, the figures of a plug-in are no limits of it. */
  readonly metrics: readonly string[]
}

/** By the name of the service without `vanadium-`. */
export const services: Readonly<Record<string, Service>> = {
  host: {
    means: 'the host does not answer; its services are not told one by one',
    next: ['See whether the host is up, and reachable from Icinga.', 'What is sent to it by UDP meanwhile is lost; journals keep the rest.'],
    metrics: ['PREFIX.overall.raw.rate']
  },
  jobs: {
    means: 'a daemon that has an argument file does not run, is stuck, or dies again and again',
    next: ['vanadium status shows all of them; journalctl -u vanadium-ROLE@INSTANCE says why one ended.', 'systemctl restart vanadium-ROLE@INSTANCE; what it has not read waits in journals.'],
    isAboutReaders: true,
    metrics: ['PREFIX.*.*.lag_seconds']
  },
  lag: {
    means: 'a reader of a journal stores more slowly than events come in, or not at all',
    next: ['vanadium check lag -v says what the slowest one waits for.', 'Nothing is lost while the journal has room: see vanadium check journal.'],
    isAboutReaders: true,
    cause: { kind: 'valid', direction: 'up' },
    metrics: ['PREFIX.*.*.lag_seconds']
  },
  journal: {
    means: 'a journal, or its disk, fills up; beyond its bound the oldest records are lost to whoever has not read them',
    next: ['Find out who does not read it: vanadium check journal -v, vanadium check lag -v.', 'Bring that reader back, or give the journal more room (journal-bytes), before it is full.'],
    isAboutReaders: true,
    metrics: ['PREFIX.*.*.lag']
  },
  ledger: {
    means: 'records are missing, came too often, or were lost or refused',
    next: ['vanadium ledger shows where and when.', 'Once the cause is gone, vanadium replay brings them back from the raw log files.'],
    isAboutReaders: true,
    metrics: ['PREFIX.*.*.{lost,dead_letter}.count']
  },
  invalid: {
    means: 'a large share of events does not validate',
    next: ['The lines above say which field fails; the owner of the schema is told as well.', 'They are kept as EventError events: after a fix vanadium replay brings them in.'],
    cause: { kind: 'invalid', direction: 'up' },
    isBySchema: true,
    metrics: ['PREFIX.overall.invalid.rate', 'PREFIX.overall.valid.rate']
  },
  graphite: {
    means: 'Graphite does not answer, or StatsD sends it nothing: rates are not watched',
    next: ['See whether graphite-web, carbon-cache and statsd run, and whether their disk is full.', 'Events themselves do not depend on it: vanadium status, vanadium check lag.'],
    metrics: []
  },
  rate: {
    means: 'more events come in than is usual',
    next: ['Ask the owner of the schema that grew to sample less, or to take back what was deployed.', 'See whether the database keeps up: vanadium check lag. If it does, raise the limit.'],
    cause: { kind: 'valid', direction: 'up' },
    isAboutReaders: true,
    metrics: ['PREFIX.overall.raw.rate']
  },
  schemas: {
    means: 'a schema has more, or fewer, events than its limits in the registry allow',
    next: ['Ask its owner what was deployed; a schema that fell silent often means that its events are invalid: vanadium check invalid -v.', 'If it is meant to be so, change its limits in /etc/vanadium/registry.yaml.'],
    cause: { kind: 'valid', direction: 'up' },
    isBySchema: true,
    metrics: []
  },
  difference: {
    means: 'more comes in than is valid, or left out as the registry says',
    next: ['vanadium check invalid -v says which schemas and fields fail.', 'If none does, a processor does not keep up, or is down: vanadium status.'],
    cause: { kind: 'invalid', direction: 'up' },
    isAboutReaders: true,
    metrics: ['PREFIX.overall.raw.rate', 'PREFIX.overall.valid.rate']
  },
  inserted: {
    means: 'fewer rows reach the database than is usual',
    next: ['vanadium check lag -v says whether the consumer is behind, and what it waits for.', 'If it is not, fewer events come in: see which schemas fell.'],
    cause: { kind: 'inserted', direction: 'down' },
    isAboutReaders: true,
    metrics: ['PREFIX.overall.inserted.rate']
  },
  canary: {
    means: 'an event that was sent in at the front is not in the database',
    next: ['vanadium status and vanadium check lag -v say at which stage it waits.', 'Nothing is lost as long as journals have room: vanadium check journal.'],
    isAboutReaders: true,
    metrics: ['PREFIX.overall.inserted.rate', 'PREFIX.overall.valid.rate']
  },
  replication: {
    means: 'the replica that analysts query is behind, or does not replicate',
    next: ['SHOW REPLICA STATUS on the replica says what its threads wait for, or their error.', 'Events are in the primary; nothing is to be sent again.'],
    metrics: ['PREFIX.overall.inserted.rate']
  },
  lease: {
    means: 'of the hosts that share a lease nobody writes into the database, or nobody could take over',
    next: ['vanadium lease says who was heard of last; vanadium status, on each host, what its consumer waits for.', 'Start the consumer that is missing; it takes up what it has missed by itself.'],
    isAboutReaders: true,
    metrics: ['PREFIX.consumer.*.holds_lease']
  },
  drill: {
    means: 'no fail-over of the two hosts was rehearsed for half a year, or the last rehearsal failed',
    next: ['vanadium check drill -v says when, and why; the whole report is in /var/lib/vanadium/drills.', 'vanadium drill failover --dry-run on the host that writes says whether both hosts are well; then without it.'],
    metrics: ['PREFIX.consumer.*.holds_lease']
  },
  purge: {
    means: 'events whose time is over were not purged lately, or not all of them',
    next: ['journalctl -u vanadium-purge says what failed, or what stopped it.', 'systemctl start vanadium-purge goes on where it was; vanadium purge --prove says what is left.'],
    metrics: []
  },
  backup: {
    means: 'not everything was backed up lately',
    next: ['journalctl -u vanadium-backup says what failed, or what stopped it.', 'systemctl start vanadium-backup goes on where it was.'],
    metrics: []
  },
  'backup-verify': {
    means: 'something of the backups, the archives or the tables is missing, damaged or too old, or nobody has looked lately',
    next: ['vanadium check backup-verify -v names each file, and each hour of a table.', 'What one place lacks, another has: copy it back before vanadium backup run and vanadium backup verify.'],
    metrics: []
  },
  'backup-rehearse': {
    means: 'a restore does not give what was backed up, or was not rehearsed lately',
    next: ['journalctl -u vanadium-backup-rehearse says what failed.', 'vanadium backup rehearse --scratch URI does it again; vanadium backup verify says which files are damaged.'],
    metrics: []
  }
}

/** Of services of an operator's own nothing is known. */
export function serviceOf (name: string): Service {
  return (Object.hasOwn(services, name) ? services[name] : undefined) ?? otherService
}

const otherService: Service = {
  means: '',
  next: ['vanadium status shows every daemon of this host.', 'vanadium check lag, journal and ledger say whether anything is behind or missing.'],
  metrics: ['PREFIX.overall.raw.rate']
}
