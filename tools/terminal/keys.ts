import type { ReadStream } from 'node:tty'

/** Keys as they are pressed. */
export interface Keys {
  /** Gives the terminal back as it was. Safe to call twice. */
  close (): void
}

/** Ctrl-C is a key then, and no signal. */
export const interruptKey = '\x03'

export function openKeys (terminal: ReadStream, onKey: (key: string) => void): Keys {
  let open = true
  const take = (bytes: Buffer): void => {
    for (const key of bytes.toString()) onKey(key)
  }
  // the shell has changed it while the process was suspended
  const again = (): void => {
    terminal.setRawMode(false)
    terminal.setRawMode(true)
  }
  function close (): void {
    if (!open) return
    open = false
    terminal.off('data', take)
    process.off('SIGCONT', again)
    process.off('exit', close)
    terminal.setRawMode(false)
    terminal.pause()
  }

  terminal.setRawMode(true)
  terminal.on('data', take)
  process.on('SIGCONT', again)
  // also when the life-cycle gives up, or something was thrown that nobody caught
  process.on('exit', close)
  return { close }
}
