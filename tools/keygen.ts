import { closeSync, existsSync, fchmodSync, fchownSync, fsyncSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../lib/errors.js'
import { defineCommand } from '../lib/cli/command.js'
import { namePattern } from '../lib/zmq/journal-messages.js'
import { generateKeyPair, publicFileText, secretFileText } from '../lib/zmq/keys.js'

export const keygen = defineCommand({
  name: 'keygen',
  summary: 'Makes the keys of streams between hosts: NAME.secret and NAME.public.',
  examples: [
    ['vanadium keygen --out /etc/vanadium/keys', 'one pair, called as this host'],
    ['vanadium keygen --out /etc/vanadium/keys collector', 'another name'],
    ['cat db1.public >> /etc/vanadium/keys/clients', 'lets db1 in, after a reload of who publishes']
  ],
  notes: 'Nothing is written over. Secret keys are shown to nobody: make each on the host that uses it, and copy public ones.\nHow to change keys without an outage: docs/operations.md, "Streams between hosts".\n\n',
  light: true,
  defaults: { 'log-level': 'warn' },
  options: {
    out: { type: 'string', default: '.', requiresArg: true, description: 'Directory of the files; made by root, they belong to its owner and its group, which may read them if the owner is root' },
    pair: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'What a pair is called; without one, as the host' }
  },
  operands: { option: 'pair', usage: '[NAME…]' },
  prepare ({ out, pair }) {
    const names = pair.length > 0 ? pair : [hostname().replace(/\..*/s, '')]
    for (const one of names) {
      if (!new RegExp(namePattern).test(one) || one.startsWith('.')) throw new ConfigError('bad-option', `the name "${one}": a pair is called by 1 to 64 of A-Z a-z 0-9 _ . -, and begins with no dot`)
    }
    if (new Set(names).size < names.length) throw new ConfigError('bad-option', `a name is given twice: ${names.join(', ')}`)
    return async () => {
      const pairs = names.map(one => ({ name: one, secretFile: join(out, `${one}.secret`), publicFile: join(out, `${one}.public`) }))
      // all or none, as far as it can be known
      for (const file of pairs.flatMap(({ secretFile, publicFile }) => [secretFile, publicFile])) if (existsSync(file)) throw isThere(file)
      for (const pair of pairs) process.stdout.write(`${make(pair, out)}\n`)
    }
  }
})

interface Pair {
  readonly name: string
  readonly secretFile: string
  readonly publicFile: string
}

/** Returns what to do with it. */
function make ({ name, secretFile, publicFile }: Pair, directory: string): string {
  const pair = generateKeyPair()
  writeNew(secretFile, secretFileText(pair), 0o600, directory)
  pair.secret.fill(0)
  try {
    writeNew(publicFile, publicFileText(pair, name), 0o644, directory)
  } catch (error) {
    rmSync(secretFile)
    throw error
  }
  const secret = encodeURI(secretFile).replaceAll('&', '%26').replaceAll('#', '%23')
  return `${secretFile}: the secret key; it stays on this host
${publicFile}: the public key, for other hosts:
  ${publicFileText(pair, name)}
To publish with it, to those whose public keys are in a file:
  --output tcp://*:8610?journal=NAME&replay=8710&curve=${secret}&clients=FILE
To subscribe with it, where the line above is in the publisher's file of clients:
  --input tcp://HOST:8610?as=INSTANCE&curve=${secret}&server-key=PUBLIC_KEY_FILE_OF_HOST
`
}

/** Nobody else can ever open it: mode and owner are right before there is anything in it. */
function writeNew (path: string, text: string, mode: number, directory: string): void {
  let fd: number
  try {
    fd = openSync(path, 'wx', mode)
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') throw isThere(path)
    throw new ConfigError('bad-option', `${path} cannot be made: ${messageOf(cause)}; name a directory that this user can write to: --out DIR`, { cause })
  }
  try {
    const { uid, gid } = statSync(directory)
    const isRoot = process.getuid?.() === 0
    // a directory that root keeps for a group has keys that the group uses and root alone changes
    fchmodSync(fd, isRoot && uid === 0 && gid !== 0 ? mode | 0o040 : mode)
    if (isRoot) fchownSync(fd, uid, gid)
    writeFileSync(fd, text)
    fsyncSync(fd)
  } catch (error) {
    rmSync(path)
    throw error
  } finally {
    closeSync(fd)
  }
}

function isThere (path: string): ConfigError {
  return new ConfigError('bad-option', `${path} is there, and keys are not written over; give another NAME, or remove both files of the old pair first`)
}
