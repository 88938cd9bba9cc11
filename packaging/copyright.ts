/** `node dist/packaging/copyright.js DIRECTORY`: prints who holds the rights to what is installed in it, vanadium itself first. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

interface Package {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly author?: string | { readonly name: string }
}

const [directory = '.'] = process.argv.slice(2)

process.stdout.write([
  'vanadium',
  '  Copyright 2026 the authors of vanadium',
  '  Apache-2.0: /usr/share/common-licenses/Apache-2.0',
  '',
  'Libraries in /usr/lib/vanadium/node_modules, each with the text of its licence in its folder:',
  '',
  ...packagesIn(directory).map(about),
  ''
].join('\n'))

/** Folders with a package.json that names a version; in others there is none, or one for a part of a package. */
function packagesIn (directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(`node_modules/${file}`))
    .map(file => join(directory, dirname(file)))
    .sort()
}

function about (folder: string): string {
  const { name = relative(directory, folder), version = '', license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
  const file = readdirSync(folder).filter(name => /^(licen[cs]e|copying)/i.test(name)).sort()[0]
  const notices = file === undefined
    ? [`Copyright ${typeof author === 'string' ? author : author?.name ?? 'its authors'}`]
    : readFileSync(join(folder, file), 'utf8').split('\n').map(line => line.trim()).filter(line => /^(portions )?copyright (\(c\)|©|\d{4}|[A-Z])/i.test(line) && !/copyright (holder|notice|owner|license|interest)|\[yyyy\]/i.test(line))
  return [`${name} ${version}`, ...notices.map(line => `  ${line}`), `  ${license ?? `see ${file ?? 'its authors'}`}`].join('\n')
}
