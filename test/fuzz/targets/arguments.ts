import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumer } from '../../../daemons/consumer.js'
import { forwarder } from '../../../daemons/forwarder.js'
import { monitor } from '../../../daemons/monitor.js'
import { processor } from '../../../daemons/processor.js'
import { expandArguments } from '../../../lib/cli/arguments.js'
import type { Command } from '../../../lib/cli/command.js'
import { parseOptions } from '../../../lib/cli/options.js'
import { builtInReaders } from '../../../lib/readers/index.js'
import { builtInWriters } from '../../../lib/writers/index.js'
import { projectRoot } from '../../helpers/shared.js'
import type { Target } from '../harness.js'
import { mutateText } from '../mutate.js'
import { textsIn } from './seeds.js'

interface Input { readonly daemon: number, readonly file: string, readonly other: string }

/** Argument files of the daemons: what the shipped ones become when something is wrong with them. */
export const argumentFiles: Target<Input> = {
  name: 'arguments',
  async open () {
    const directory = mkdtempSync(join(tmpdir(), 'arguments-'))
    const [file, other] = [join(directory, 'file'), join(directory, 'other')]
    const daemons = [forwarder, processor, consumer, monitor] as unknown as readonly Command[]
    const transports = { readers: builtInReaders(), writers: builtInWriters() }
    const seeds = textsIn(join(projectRoot, 'etc', 'vanadium.d'))
    const includes = [`@${file}\n`, `@${other}\n`, `--name @${other}\n`, '@/nowhere\n', `@${directory}\n`]
    return await Promise.resolve({
      generate: random => ({
        daemon: random.int(daemons.length),
        file: mutateText(random, random.pick(seeds) + (random.oneIn(4) ? random.pick(includes) : ''), [...seeds, ...includes], 20_000),
        other: mutateText(random, random.pick(seeds), [...seeds, ...includes], 5000)
      }),
      run (input) {
        writeFileSync(file, input.file)
        writeFileSync(other, input.other)
        const daemon = daemons[input.daemon] as Command
        const parsed = parseOptions(daemon, expandArguments([`@${file}`]), 80)
        if (typeof parsed !== 'string') daemon.prepare(parsed.own, transports, parsed.common)
      }
    })
  }
}
