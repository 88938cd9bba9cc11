import type { Test } from 'tap'
import type { CheckOutput } from './check-command.js'

const figure = /^(?:'[^'=|]+'|[^\s'=|]+)=(?:U|-?\d+(?:\.\d+)?)(?:s|%|B|c)?(?:;[@~:\d.-]*){0,2}(?:;-?\d*\.?\d*){0,2}(?: |$)/

/** Fails the test unless the output is what the Monitoring Plugins guidelines ask for, and says nothing to stderr. */
export function isPlugInOutput (t: Test, { code, line, text, stderr }: CheckOutput): void {
  const state = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][code]
  t.ok(line.startsWith(`${state}: `), `code ${code} and line agree: ${line}`)
  t.ok([...line].length < 80, `less than 80 characters: ${line}`)
  t.equal(stderr, '')
  t.notMatch(text, /^\s+at |Error:/m, 'no stack trace')
  let rest = (text.split('\n')[0] ?? '').split(' | ')[1] ?? ''
  while (rest !== '') {
    const [found] = figure.exec(rest) ?? []
    t.ok(found, `performance data: ${rest}`)
    if (found === undefined) return
    rest = rest.slice(found.length)
  }
}
