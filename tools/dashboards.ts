import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineCommand } from '../lib/cli/command.js'
import { ConfigError, messageOf } from '../lib/errors.js'
import { grafanaDashboard } from './dashboards/grafana.js'
import { graphiteDashboard } from './dashboards/graphite.js'
import { dashboardsOf, namePrefix } from './dashboards/pages.js'
import type { Dashboard } from './dashboards/targets.js'
import { numberText } from './text.js'

/** Folders of the output, and what is in them. */
const kinds = { graphite: graphiteDashboard, grafana: grafanaDashboard } as const

export const dashboards = defineCommand({
  name: 'dashboards',
  summary: 'Writes dashboards for Graphite and Grafana: one of all, one of each owner, one of each schema.',
  examples: [
    ['vanadium dashboards --output /tmp/dashboards', 'graphite/*.json and grafana/*.json, of the schemas of the repository and the registry'],
    ['curl --data-urlencode state@graphite/vanadium-overview.json http://127.0.0.1:8080/dashboard/save/vanadium-overview', 'gives one to graphite-web, where it is at /dashboard/vanadium-overview']
  ],
  notes: 'Files that an earlier run has written to the same place are replaced; those of schemas and owners that are gone are removed.\n' +
    'Grafana reads the folder by provisioning (type: file), or imports a file, and asks which of its data sources is Graphite.\n\n',
  options: {
    output: { type: 'string', default: 'dashboards', requiresArg: true, description: 'Directory; made if it is not there' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ output }, _transports, { prefix }) {
    return async ({ registry, schemas }) => {
      const pages = dashboardsOf(registry, schemas.list().map(({ name }) => name), prefix)
      try {
        for (const [kind, make] of Object.entries(kinds)) writeAll(join(output, kind), pages, make)
      } catch (cause) {
        throw new ConfigError('bad-option', `--output ${output}: ${messageOf(cause)}; name a directory that this user can write`, { cause })
      }
      process.stdout.write(`${numberText(pages.length)} dashboards for each of ${Object.keys(kinds).join(' and ')} are in ${output}\n`)
      await Promise.resolve()
    }
  }
})

function writeAll (directory: string, pages: readonly Dashboard[], make: (page: Dashboard) => object): void {
  mkdirSync(directory, { recursive: true })
  const files = new Map(pages.map(page => [`${page.name}.json`, `${JSON.stringify(make(page), null, 2)}\n`]))
  for (const file of readdirSync(directory)) {
    if (file.startsWith(namePrefix) && file.endsWith('.json') && !files.has(file)) rmSync(join(directory, file))
  }
  for (const [file, text] of files) writeFileSync(join(directory, file), text)
}
