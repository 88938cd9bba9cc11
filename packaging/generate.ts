/**
 * `node dist/packaging/generate.js TO PREFIX DATE`: writes what is made of the commands below the folder TO, as it is below PREFIX on a host:
 * manual pages, and completion for bash.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vanadium, vanadiumctl } from '../commands.js'
import { version } from '../lib/version.js'
import { builtInReaders } from '../lib/readers/index.js'
import { builtInWriters } from '../lib/writers/index.js'
import { bashCompletion } from './completion/completion.js'
import { manualPages } from './pages/pages.js'

const [to = 'build', prefix = '/usr/local', date = ''] = process.argv.slice(2)

for (const [name, text] of await manualPages(vanadium, vanadiumctl, { version: version(), date, documents: `${prefix}/share/doc/vanadium` })) {
  write(join('share', 'man', `man${name.slice(-1)}`, name), text)
}
const schemes = { readers: namesOf(builtInReaders()), writers: namesOf(builtInWriters()) }
const places = { schemas: `${prefix}/lib/vanadium/schemas`, config: '/etc/vanadium.d', state: '/var/lib/vanadium' }
for (const program of [vanadium, vanadiumctl]) {
  write(join('share', 'bash-completion', 'completions', program.name), await bashCompletion(program, schemes, places))
}

function namesOf (schemes: { handlers: () => ReadonlyArray<{ readonly schemes: readonly string[] }> }): string[] {
  return schemes.handlers().flatMap(handler => handler.schemes)
}

function write (path: string, text: string): void {
  const file = join(to, path)
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o755 })
  writeFileSync(file, text, { mode: 0o644 })
}
