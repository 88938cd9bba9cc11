import type { InferredOptionTypes, Options } from 'yargs'
import { ConfigError } from '../../../lib/errors.js'
import { withPassword } from '../../../lib/file/secret-file.js'
import { GraphiteClient } from '../../../lib/graphite/client.js'
import { withoutLogin } from '../../../lib/registry/registry.js'
import type { CheckContext } from '../plug-in.js'

/** Of every check that asks Graphite. */
export const graphiteOptions = {
  graphite: { type: 'string', requiresArg: true, description: 'Base URL of graphite-web [default: that of the registry]' },
  'no-data': { choices: ['unknown', 'critical', 'warning', 'ok'] as const, default: 'unknown' as const, requiresArg: true, description: 'State when nothing was measured, or most points lack' }
} as const satisfies Record<string, Options>

/** Of those that look at points one by one. */
export const percentOption = {
  percent: { type: 'number', default: 1, requiresArg: true, description: 'An alert when at least so many percent of the points are in its range' }
} as const satisfies Record<string, Options>

/** Throws `ConfigError`. */
export function checkGraphite ({ graphite }: Pick<InferredOptionTypes<typeof graphiteOptions>, 'graphite'>): void {
  const isGood = graphite === undefined || (/^https?:\/\//.test(graphite) && URL.canParse(graphite))
  // not what was given: there may be a password in it
  if (!isGood) throw new ConfigError('bad-option', '--graphite is no URL; give one as http://127.0.0.1:8080')
  if (graphite !== undefined && new URL(graphite).password !== '') throw new ConfigError('bad-option', `--graphite ${withoutLogin(graphite)}: a password does not belong on a command line, where others read it; write the URL into the registry, and the password into the file of graphite-password-file`)
}

/** Throws `ConfigError`. */
export function checkPercent ({ percent }: InferredOptionTypes<typeof percentOption>): void {
  if (!(percent > 0 && percent <= 100)) throw new ConfigError('bad-option', `--percent ${percent}: give more than 0 and at most 100`)
}

export function openGraphite ({ graphite }: InferredOptionTypes<typeof graphiteOptions>, { registry, timeoutMs, stop }: CheckContext): GraphiteClient {
  return new GraphiteClient(graphite?.replace(/\/+$/, '') ?? withPassword(registry.graphite, registry.graphitePasswordFile, 'graphite-password-file'), timeoutMs, stop)
}
