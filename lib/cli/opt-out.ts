import { join } from 'node:path'
import { KnownNames } from '../event/known-names.js'
import { createOptOut, type OptOut, type UserFields } from '../event/opt-out.js'
import type { OptOutFiles } from '../opt-out/files.js'
import { openLiveList } from '../opt-out/live.js'
import type { Registry } from '../registry/registry.js'
import type { CommandContext } from './command.js'
import type { CommonOptions } from './options.js'

export function optOutFiles ({ optout, 'optout-key': keyFile, state }: Pick<CommonOptions, 'optout' | 'optout-key' | 'state'>): OptOutFiles {
  return { file: optout ?? join(state, 'optout'), keyFile }
}

/** Whose events are left out, as list and registry say from now on. Throws `ConfigError` when either cannot be used. */
export function openOptOut (common: CommonOptions, ctx: CommandContext): OptOut {
  const users = openLiveList(optOutFiles(common), ctx.log)
  ctx.defer('list of users who opted out', () => { users.close() })
  ctx.onReload(() => { users.look() })
  const known = new KnownNames(ctx.schemas)
  let registry = ctx.registry
  let fields = fieldsIn(registry)

  return createOptOut({
    users,
    fields () {
      if (ctx.registry !== registry) {
        registry = ctx.registry
        fields = fieldsIn(registry)
      }
      return fields
    },
    isKnown: schema => known.has(schema)
  })
}

function fieldsIn (registry: Registry): UserFields {
  const fields = new Map<string, string>()
  for (const name of registry.names) {
    const { user } = registry.find(name)
    if (user !== null) fields.set(name, user)
  }
  return fields
}
