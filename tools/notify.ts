import { hostname } from 'node:os'
import { defineCommand } from '../lib/cli/command.js'
import { ConfigError } from '../lib/errors.js'
import { metricName } from '../lib/event/tally.js'
import { withPassword } from '../lib/file/secret-file.js'
import { GraphiteClient } from '../lib/graphite/client.js'
import type { Log } from '../lib/log.js'
import { sendMail, type Mail } from '../lib/mail/mail.js'
import { openUsableRegistry, withoutLogin, type Registry } from '../lib/registry/registry.js'
import { checkGraphite, graphiteOptions } from './check/graphite/options.js'
import { readAlert, types, type Alert } from './notify/alert.js'
import { deliver } from './notify/deliver.js'
import { findOut, type Question } from './notify/find-out.js'
import { compose } from './notify/message.js'
import { readPerfdata } from './notify/perfdata.js'
import { serviceOf } from './notify/services.js'

const text = { type: 'string', default: '', requiresArg: true } as const
const mostRecipients = 50
const mostMsToEnd = 500

export const notify = defineCommand({
  name: 'notify',
  summary: 'Mails an alert of Icinga: what caused it, the graph, what to do; to the operators and the owners of schemas to blame.',
  examples: [
    ['vanadium notify --type=PROBLEM --host=vanadium1 --service=vanadium-rate --alert-state=CRITICAL --output=\'CRITICAL: 412/s\' --dry-run', 'shows the mail'],
    ['vanadium notify --type=RECOVERY --host=vanadium1 --service=vanadium-lag --alert-state=OK --since=1400000000 --to=me@example.org', 'to somebody else than the registry says']
  ],
  notes: 'Called by Icinga (/etc/icinga2/vanadium-notifications.conf), which writes --option=VALUE: what others wrote must not look like an\n' +
    'option. Without Graphite the mail has no graph and says so. What does not take it now is tried until the time is\n' +
    'over. Exit code 1: not everybody got it.\n\n',
  light: true,
  readsRegistry: true,
  options: {
    type: { choices: types, demandOption: true, requiresArg: true, description: 'What happened' },
    host: { ...text, demandOption: true, description: 'Of Icinga' },
    service: { type: 'string', requiresArg: true, description: 'Of Icinga; vanadium- before it is left out [default: the host itself]' },
    'alert-state': { ...text, description: 'OK, WARNING, CRITICAL, UNKNOWN, UP, DOWN' },
    output: { ...text, description: 'What the plug-in said' },
    'long-output': { ...text, description: 'Its further lines, if they are not in --output' },
    perfdata: { ...text, description: 'Its performance data: limits, and schemas that are beyond them' },
    since: { type: 'string', requiresArg: true, description: 'Since when it has this state: seconds since 1970' },
    before: { type: 'string', requiresArg: true, description: 'Since when it had the one before' },
    author: { ...text, description: 'Who acknowledged it' },
    comment: { ...text, description: 'What he or she said' },
    metric: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Metrics of the graph, as Graphite takes them [default: by service]' },
    window: { type: 'number', default: 300, requiresArg: true, description: 'Seconds up to now that are compared with the same time a week before' },
    to: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Addresses [default: by registry]' },
    graphite: graphiteOptions.graphite,
    endpoint: { type: 'string', requiresArg: true, description: 'Host of the daemons, if it is another than this: the mail says to look there who is behind' },
    timeout: { type: 'number', default: 25, requiresArg: true, description: 'Seconds for all of it' },
    'dry-run': { type: 'boolean', default: false, description: 'Print the mail instead of sending it' }
  },
  defaults: { 'log-level': 'warn' },
  prepare (options, _transports, { prefix, state: stateDirectory, registry: registryFile }) {
    const { timeout, perfdata, metric, to, 'dry-run': dryRun } = options
    if (!(timeout >= 5 && timeout <= 600)) throw new ConfigError('bad-option', `--timeout ${timeout}: give seconds, from 5 to 600`)
    const alert = readAlert(options)
    checkGraphite(options)
    const windowMs = options.window * 1000
    if (!(windowMs > 0)) throw new ConfigError('bad-option', `--window ${options.window}: give seconds, more than 0`)
    const states = options.endpoint === undefined || isThisHost(options.endpoint) ? { directory: stateDirectory } : { host: options.endpoint }
    const endMs = Date.now() + timeout * 1000

    return async ({ log, stop }) => {
      // an alert is told whatever is wrong with it
      const { registry: read, problem } = openUsableRegistry(registryFile)
      const registry = withGraphite(read, options.graphite)
      if (problem !== null) log.warn('the registry has a mistake; what is good of it is used', { reason: problem })
      const question: Question = { alert, service: serviceOf(alert.service), prefix, windowMs, states, metrics: metric, figures: readPerfdata(perfdata), registry }
      const client = new GraphiteClient(graphiteOf(registry, log), timeout * 1000 / 3, stop)
      const findings = { ...await findOut(question, client), registryProblem: problem }
      const mail: Mail = { ...compose(alert, question.service, findings), to: to.length > 0 ? to : recipients(registry, question.service.cause?.kind === 'invalid' ? [] : findings.schemas), headers: headersOf(alert) }
      try {
        if (dryRun) process.stdout.write(`To: ${mail.to.join(', ')}\nSubject: ${mail.subject}\n\n${mail.text}`)
        else await deliver(mail, { send: async (mail, timeoutMs) => await sendMail(registry.mail, mail, timeoutMs), endMs, stop })
      } finally {
        // a mail program that hangs does not hold up the answer
        setTimeout(() => { process.exit() }, mostMsToEnd).unref()
      }
    }
  }
})

/** Operators, and the owners of schemas that are to blame; of invalid events `vanadium owners` tells them, and which fields fail. */
function recipients ({ operators, names, find }: Registry, schemas: readonly string[]): string[] {
  const blamed = names.filter(name => schemas.includes(name) || schemas.includes(metricName(name)))
  const all = [...new Set([...operators, ...blamed.flatMap(name => find(name).owners)])].slice(0, mostRecipients)
  if (all.length > 0) return all
  throw new ConfigError('bad-registry', 'nobody is to be told: the registry names no operators; give it a list of addresses, or use --to')
}

/** As people reach it, too, unless the registry says how. */
function withGraphite (registry: Registry, base: string | undefined): Registry {
  if (base === undefined) return registry
  const [graphite, bare] = [base, withoutLogin(base)].map(url => url.replace(/\/+$/, '')) as [string, string]
  return { ...registry, graphite, graphitePasswordFile: null, graphiteLink: registry.graphiteLink === withoutLogin(registry.graphite).replace(/\/+$/, '') ? bare : registry.graphiteLink }
}

/** Without its password, if that cannot be read: Graphite may do without, and the alert is told in any case. */
function graphiteOf ({ graphite, graphitePasswordFile }: Registry, log: Log): string {
  try {
    return withPassword(graphite, graphitePasswordFile, 'graphite-password-file')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    log.warn('Graphite is asked without a password', { reason: error.message })
    return graphite
  }
}

function isThisHost (name: string): boolean {
  return [hostname(), hostname().replace(/\..*/, ''), 'localhost'].includes(name)
}

/** Mails about one thing are shown together. */
function headersOf ({ host, service }: Alert): Record<string, string> {
  const thread = `<vanadium-${service}-${host}`.replace(/[^A-Za-z0-9<.-]/g, '_').slice(0, 150)
  return { References: `${thread}@alert.vanadium>` }
}
