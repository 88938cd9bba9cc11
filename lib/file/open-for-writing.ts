import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Flags of open(2), of which the last two bits are O_RDONLY, O_WRONLY or O_RDWR. */
const accessMode = 3
/** For so long nothing is looked up anew: it costs a call for each open file of the host. */
const freshMs = 1000

interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

/**
 * Tells whether a process that this user may look at has a file open for writing (proc(5)). A safety net: of others' processes nothing
 * is known.
 */
export function openForWriting (): (file: Identity) => Promise<boolean> {
  let known = new Set<string>()
  let knownMs = -Infinity

  return async file => {
    if (performance.now() - knownMs > freshMs) {
      known = await written()
      knownMs = performance.now()
    }
    return known.has(keyOf(file))
  }
}

async function written (): Promise<Set<string>> {
  const found = new Set<string>()
  for (const pid of (await namesIn('/proc')).filter(name => /^\d+$/.test(name))) {
    for (const fd of await namesIn(join('/proc', pid, 'fd'))) {
      const file = await orNull(stat(join('/proc', pid, 'fd', fd), { bigint: true }))
      if (file?.isFile() !== true) continue
      const info = await orNull(readFile(join('/proc', pid, 'fdinfo', fd), 'utf8'))
      const flags = parseInt(/^flags:\s*([0-7]+)$/m.exec(info ?? '')?.[1] ?? '0', 8)
      if ((flags & accessMode) !== 0) found.add(keyOf(file))
    }
  }
  return found
}

function keyOf ({ dev, ino }: Identity): string {
  return `${dev}:${ino}`
}

async function namesIn (directory: string): Promise<string[]> {
  return await orNull(readdir(directory)) ?? []
}

/** Processes come and go, and not all are ours. */
async function orNull<T> (looking: Promise<T>): Promise<T | null> {
  return await looking.catch(() => null)
}
