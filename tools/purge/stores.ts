import type { CommandContext } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { openFiles, type FileMemory } from '../../lib/purge/files.js'
import type { PurgeStore } from '../../lib/purge/store.js'
import { openJournals } from './journals.js'
import type { Places } from './places.js'

/** Opens what there is. It is closed with the command. Throws `ConfigError`. */
export function openStores ({ databases, live, listFiles, states }: Places, memory: FileMemory, ctx: CommandContext): PurgeStore[] {
  const files = listFiles()
  const stores = [
    ...databases.map(({ uri }): PurgeStore => { throw new ConfigError('bad-option', `--store ${uri.text}: not yet`) }),
    ...files.length === 0 ? [] : [openFiles({ list: async () => await Promise.resolve(listFiles()), isLive: path => live.includes(path), memory, stop: ctx.stop })],
    ...states.map(openJournals)
  ]
  for (const store of stores) ctx.defer(store.name, async () => { await store.close() })
  return stores
}
