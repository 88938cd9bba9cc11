import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { isFile, openProposal, openPublished, readProposal, type Document } from './document.js'
import { harmless } from '../terminal/text.js'
import { lint as look, type PlacedHint } from './lint/look.js'
import { levels } from './lint/subject.js'
import { chooseSchemas, parseChoice } from './selection.js'

/** Of a schema with an error; with --strict, or a warning. */
const hasFaults = 2

export const lint = defineCommand({
  name: 'schema lint',
  summary: 'Says what could be better of a schema: whether it can be used, its names, types and descriptions, and what it tells about people.',
  examples: [
    ['vanadium schema lint schemas/DemoButtonClick/2.yaml', 'a file, before it is published'],
    ['vanadium schema lint schemas/*/*.yaml --strict', 'all of a repository; warnings fail, too, for a pre-merge check'],
    ['vanadium schema lint NavigationTiming --json', 'the newest revision that is published, for a program']
  ],
  notes: 'error: it cannot be used. warning: it will hurt, or tell more about people than it should. hint: it could be better.\n' +
    'What the registry keeps of it, and whether it says which field identifies a user, is looked at, too (--registry).\n' +
    'Exit codes: 0 no error (with --strict: and no warning); 2 there is one; 78 bad options.\n\n',
  options: {
    schema: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Files, or NAME[/REVISION] of what is published; "--schema" before them can be left out' },
    strict: { type: 'boolean', default: false, description: 'Warnings count as errors do' },
    json: { type: 'boolean', default: false, description: 'Print a JSON array' }
  },
  operands: { option: 'schema', usage: 'FILE|NAME[/REVISION]…' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema: operands, strict, json }, _transports, { schemas: directories }) {
    return async ctx => {
      const hints: PlacedHint[] = []
      for (const operand of new Set(operands)) {
        const document = await open(operand, directories, ctx)
        hints.push(...look(document, ctx.registry.find(document.schema.name)))
      }
      process.stdout.write(json ? `${JSON.stringify(hints.map(jsonOf), null, 2)}\n` : textOf(hints))
      if (hints.some(({ level }) => level === 'error' || (strict && level === 'warning'))) process.exitCode = hasFaults
    }
  }
})

async function open (operand: string, directories: readonly string[], { schemas }: CommandContext): Promise<Document> {
  if (isFile(operand)) return await openProposal(await readProposal(operand, directories))
  const found = await chooseSchemas(schemas, parseChoice(operand))
  return await openPublished(found.at(-1) as typeof found[number], schemas)
}

/** As compilers write it, so that editors find the place. */
function textOf (hints: readonly PlacedHint[]): string {
  const lines = hints.map(({ source, place, level, rule, pointer, why, change }) =>
    harmless(`${source}${place === null ? '' : `:${place.line}:${place.column}`}: ${level} ${rule}${pointer === '' ? '' : ` ${pointer}`}: ${why}${change === '' ? '' : `; ${change}`}`))
  const counts = levels.map(level => countOf(hints.filter(hint => hint.level === level).length, level))
  return [...lines, counts.join(', '), ''].join('\n')
}

function countOf (count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function jsonOf ({ source, place, level, rule, pointer, why, change }: PlacedHint): object {
  return { file: source, line: place?.line ?? null, column: place?.column ?? null, level, rule, pointer, why, change }
}
