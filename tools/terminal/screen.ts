import type { WriteStream } from 'node:tty'
import { render, type Line } from './text.js'

/** The whole terminal, redrawn in place. */
export interface Screen {
  /** Shows these lines. Only what differs from the last time is written: nothing flickers, and a selection stays. */
  paint (lines: readonly Line[]): void
  readonly width: number
  readonly height: number
  /** Gives the terminal back as it was. Safe to call twice. */
  close (): void
}

// xterm control sequences: alternate screen, cursor, erase
const enter = '\x1b[?1049h\x1b[?25l\x1b[2J'
const leave = '\x1b[?25h\x1b[?1049l'
const eraseToEnd = '\x1b[K'

/** Of a terminal that does not know its size: a serial line, a recording. */
const usual = { width: 80, height: 24 } as const

/** `onResize` is called when the size has changed, or when the process was suspended: then everything is to be painted again. */
export function openScreen (terminal: WriteStream, onResize: () => void): Screen {
  const colours = terminal.hasColors()
  const width = (): number => terminal.columns > 0 ? terminal.columns : usual.width
  const height = (): number => terminal.rows > 0 ? terminal.rows : usual.height
  let shown: string[] = []
  let open = true

  function clear (): void {
    shown = []
    terminal.write(enter)
    onResize()
  }
  function close (): void {
    if (!open) return
    open = false
    terminal.off('resize', clear)
    process.off('SIGCONT', clear)
    process.off('exit', close)
    terminal.write(leave)
  }

  terminal.on('resize', clear)
  process.on('SIGCONT', clear)
  // also when the life-cycle gives up
  process.on('exit', close)
  terminal.write(enter)

  return {
    get width () { return width() },
    get height () { return height() },
    paint (lines) {
      if (!open) return
      const rendered = lines.slice(0, height()).map(line => render(line, width() - 1, colours))
      const rows = Math.max(rendered.length, shown.length)
      let changes = ''
      for (let row = 0; row < rows; row++) {
        const text = rendered[row] ?? ''
        if (text !== (shown[row] ?? '')) changes += `\x1b[${row + 1};1H${text}${eraseToEnd}`
      }
      shown = rendered
      if (changes !== '') terminal.write(changes)
    },
    close
  }
}
