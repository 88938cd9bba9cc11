import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { drops } from '../../../lib/event/processor.js'
import { fates } from '../../../lib/stream/ledger.js'
import { projectRoot } from '../../helpers/shared.js'
import { cases } from './cases.js'

const fixtures = join(projectRoot, 'test', 'fixtures', 'explain')
const golden = readdirSync(fixtures).filter(name => name.endsWith('.txt')).map(name => readFileSync(join(fixtures, name), 'utf8')).join('\n')

/** What refuses single records: the processor, and what stores rows. */
const sources = [
  ...['processor', 'capsule', 'json', 'line-parser', 'user-agent', 'identity'].map(name => `lib/event/${name}.ts`),
  ...['columns', 'fields', 'long-strings', 'rows', 'table-writer', 'tables', 'values'].map(name => `lib/sql/${name}.ts`),
  'lib/stream/processing.ts'
]

/** Refusals that no record comes to which a processor has made, or that depend on what came before it. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['not JSON: ', 'the capsule was parsed before, with a message of its own'],
  [', which the table cannot be given: ', 'whether a table has room for a column depends on the table, which is not looked at'],
  [' have the same table, ', 'which of two schemas has a table depends on which came first'],
  ['the record does not name a schema and a revision; send events that the processor passed on', 'the processor passes none of these on']
])

// seen to fail when the case of a bad time is left out
t.test('everything that one record can be refused for is in a golden file', async t => {
  const refusals = sources.flatMap(refusalsIn)

  t.ok(refusals.length > 20, 'refusals were found')
  t.strictSame(refusals.filter(text => !golden.includes(text) && !elsewhere.has(text)), [])
})

t.test('every end that the ledger knows of one record is in a golden file', async t => {
  const ends = new Set<string | null>(Object.values(cases).map(({ end }) => end))
  // taken is no end; what is lost, or filtered by a plug-in, never reached what is told here
  const told = fates.filter(fate => !['taken', 'lost', 'filtered'].includes(fate))

  t.strictSame(told.filter(fate => !ends.has(fate)), [])
  t.strictSame(drops.filter(drop => !ends.has(drop)), [])
})

/** Of each message its longest part that is the same in every one. */
function refusalsIn (file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(projectRoot, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: string[] = []
  visit(source, node => {
    if (!ts.isNewExpression(node) || !['RecordError', 'Refusal'].includes(node.expression.getText(source))) return
    const message = node.arguments?.find((argument, at) => ts.isTemplateExpression(argument) || (ts.isStringLiteral(argument) && (at > 0 || node.expression.getText(source) === 'Refusal')))
    if (message === undefined) return
    const parts = ts.isTemplateExpression(message) ? [message.head.text, ...message.templateSpans.map(span => span.literal.text)] : ts.isStringLiteral(message) ? [message.text] : []
    found.push(parts.reduce((longest, part) => part.length > longest.length ? part : longest, ''))
  })
  return found
}

function visit (node: ts.Node, visitor: (node: ts.Node) => void): void {
  visitor(node)
  ts.forEachChild(node, child => { visit(child, visitor) })
}
