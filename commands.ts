import type { Program } from './lib/cli/main.js'

/** The executable for everything but the units of a host. */
export const vanadium: Program = {
  name: 'vanadium',
  summary: 'log lines in; validated events in MySQL, SQLite, JSON files and ZeroMQ streams out.',
  commands: {
    forwarder: async () => (await import('./daemons/forwarder.js')).forwarder,
    processor: async () => (await import('./daemons/processor.js')).processor,
    consumer: async () => (await import('./daemons/consumer.js')).consumer,
    monitor: async () => (await import('./daemons/monitor.js')).monitor,
    config: async () => (await import('./tools/config.js')).config,
    journal: async () => (await import('./tools/journal.js')).journal,
    ledger: async () => (await import('./tools/ledger.js')).ledger,
    registry: async () => (await import('./tools/registry.js')).registry,
    schema: async () => (await import('./tools/schema.js')).schema,
    optout: async () => (await import('./tools/optout.js')).optout,
    replay: async () => (await import('./tools/replay.js')).replay,
    purge: async () => (await import('./tools/purge.js')).purge,
    check: async () => (await import('./tools/check.js')).check,
    report: async () => (await import('./tools/report.js')).report,
    owners: async () => (await import('./tools/owners.js')).owners,
    dashboards: async () => (await import('./tools/dashboards.js')).dashboards,
    notify: async () => (await import('./tools/notify.js')).notify,
    sampling: async () => (await import('./tools/sampling.js')).sampling,
    status: async () => (await import('./tools/status.js')).status,
    tap: async () => (await import('./tools/tap.js')).tap,
    top: async () => (await import('./tools/top.js')).top,
    explain: async () => (await import('./tools/explain.js')).explain,
    merge: async () => (await import('./tools/merge.js')).merge,
    keygen: async () => (await import('./tools/keygen.js')).keygen,
    lease: async () => (await import('./tools/lease.js')).lease,
    backup: async () => (await import('./tools/backup.js')).backup,
    drill: async () => (await import('./tools/drill.js')).drill,
    run: async () => (await import('./tools/run.js')).run
  }
}

/** The executable for the units of a host. */
export const vanadiumctl: Program = {
  name: 'vanadiumctl',
  summary: 'starts, stops and shows the instances of a host, which /etc/vanadium.d defines, as systemd units.',
  commands: {
    start: async () => (await import('./tools/ctl/start.js')).start,
    stop: async () => (await import('./tools/ctl/stop.js')).stop,
    restart: async () => (await import('./tools/ctl/restart.js')).restart,
    reload: async () => (await import('./tools/ctl/reload.js')).reload,
    status: async () => (await import('./tools/ctl/status.js')).status,
    tail: async () => (await import('./tools/ctl/tail.js')).tail
  }
}
