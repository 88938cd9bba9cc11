import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentKey, readKey } from '../../../lib/opt-out/key.js'
import { readList } from '../../../lib/opt-out/files.js'
import { decodeList, encodeList, listOf } from '../../../lib/opt-out/list.js'
import type { Target } from '../harness.js'
import { mutateText } from '../mutate.js'

interface Input { readonly list: string, readonly key: string }

/** The files of opt-outs, a character a byte: the list and the key. */
export const optOutLists: Target<Input> = {
  name: 'opt-out-list',
  async open () {
    const directory = mkdtempSync(join(tmpdir(), 'optout-'))
    const [file, keyFile] = [join(directory, 'optout'), join(directory, 'key')]
    const key = currentKey(join(directory, 'real.key'), directory)
    const seeds = [0, 1, 7].map(users => encodeList(listOf(Array.from({ length: users }, (_, n) => key.digest(`user ${n}`))), key.id).toString('latin1'))
    const keys = ['0'.repeat(64), `${'a1'.repeat(32)}\n`]
    writeFileSync(keyFile, '', { mode: 0o600 })
    return await Promise.resolve({
      generate: random => ({ list: random.oneIn(4) ? random.pick(seeds) : mutateText(random, random.pick(seeds), seeds), key: random.oneIn(2) ? random.pick(keys) : mutateText(random, random.pick(keys), keys) }),
      run ({ list, key }) {
        writeFileSync(file, list, 'latin1')
        writeFileSync(keyFile, key, 'latin1')
        try {
          decodeList(Buffer.from(list, 'latin1'), file).list.has(Buffer.alloc(32))
          readKey(keyFile)?.digest('someone')
        } finally {
          readList({ file, keyFile })
        }
      }
    })
  }
}
