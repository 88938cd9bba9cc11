import { openScreen } from '../terminal/screen.js'
import { tableOf, timeOf } from './table.js'
import { harmless } from '../terminal/text.js'
import type { Happening, View } from './view.js'

/** Where a running pipeline is shown. */
export interface Display {
  /** Called about once a second. */
  show (view: View): void
  /** Called at once when something happens; `show` is given it too. */
  tell (happening: Happening): void
  /** Ends what is live: what is printed from now on stays. Safe to call twice. */
  close (): void
}

/** A summary is printed this often, in milliseconds. */
const summaryMs = 5000

/** A live table where there is a terminal that can be redrawn, otherwise lines. */
export function openDisplay (): Display {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb' ? tableDisplay() : lineDisplay()
}

function tableDisplay (): Display {
  let view: View | null = null
  const screen = openScreen(process.stdout, paint)

  function paint (): void {
    if (view !== null) screen.paint(tableOf(view, screen.width, screen.height))
  }

  return {
    show (next) {
      view = next
      paint()
    },
    tell () { /* the next table has it */ },
    close () { screen.close() }
  }
}

function lineDisplay (): Display {
  let introduced = false
  let summaryAtMs = 0
  let open = true

  return {
    show (view) {
      if (!open || !view.running) return
      if (!introduced) print(introduction(view))
      introduced = true
      if (view.atMs < summaryAtMs) return
      summaryAtMs = view.atMs + summaryMs - 500
      print([summaryOf(view)])
    },
    tell ({ atMs, text, said }) { print([`${timeOf(atMs)}  ${text}`, ...said.map(line => `          ${line}`)]) },
    close () { open = false }
  }
}

export function print (lines: readonly string[]): void {
  process.stdout.write(lines.map(line => `${harmless(line)}\n`).join(''))
}

function introduction ({ places, tryIt }: View): string[] {
  return [
    'vanadium runs; Ctrl-C stops everything.',
    ...places.map(([what, where]) => `  ${what.padEnd(11)}${where}`),
    'Send an event yourself, 204 means accepted; and find it:',
    `  ${tryIt.send.join(' ')}`,
    `  ${tryIt.find}`
  ]
}

function summaryOf ({ atMs, stages, all, lastError }: View): string {
  const [entrance] = stages
  const stores = stages.filter(({ label }) => label.startsWith('consumer'))
  const up = stages.filter(({ state }) => state === 'up').length
  return [
    `${timeOf(atMs)}  ${entrance?.records.total ?? 0} came (${entrance?.records.perSecond.toFixed(1)}/s): ${all.valid.total} valid, ${all.invalid.total} invalid`,
    stores.map(({ records, writes }) => `${records.total} in ${writes}`).join(', '),
    `${up} of ${stages.length} daemons up`,
    ...(lastError === null ? [] : [`last invalid: ${lastError.schema}: ${lastError.message}`])
  ].join('; ')
}
