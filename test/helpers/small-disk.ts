import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** What a test says when it is skipped because this user may not mount. */
export const needsSmallDisk = mayMount() ? false : 'needs the right to mount a tmpfs (root)'

/** A directory that is a file system of its own, full after so many bytes; ends with the test. */
export function smallDisk (t: Test, bytes: number): string {
  const { directory, remove } = mount(bytes)
  t.teardown(remove)
  return directory
}

function mayMount (): boolean {
  try {
    mount(4096).remove()
    return true
  } catch {
    return false
  }
}

function mount (bytes: number): { directory: string, remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'ignore' })
  } catch (error) {
    rmSync(directory, { recursive: true })
    throw error
  }
  return {
    directory,
    remove () {
      // lazily: what the test has not closed keeps it busy
      execFileSync('umount', ['--lazy', directory])
      rmSync(directory, { recursive: true })
    }
  }
}
