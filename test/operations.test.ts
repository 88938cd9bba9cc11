import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { commonOptions } from '../lib/cli/options.js'
import { services } from '../tools/notify/services.js'
import { projectRoot } from './helpers/shared.js'

const operations = readFileSync(join(projectRoot, 'docs', 'operations.md'), 'utf8')

t.test('docs/operations.md says what to do about every message at level error, and about no other', async t => {
  const logged = ['lib', 'daemons', 'tools'].flatMap(errorMessagesIn).sort()
  const [, table = ''] = /^\| `error` message .*\n\| --- .*\n((?:\|.*\n)+)/m.exec(operations) ?? []
  const documented = table.trim().split('\n').flatMap(row => [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, message = '']) => message))

  t.ok(logged.length > 10, 'messages were found')
  t.strictSame(documented.sort(), [...new Set(logged)])
})

t.test('docs/operations.md has the options that all daemons have, with their defaults', async t => {
  for (const [name, option] of Object.entries(commonOptions)) {
    const row = operations.split('\n').find(line => new RegExp(`^\\| \`--${name}[ \`]`).test(line))

    t.ok(row, `--${name}`)
    if ('default' in option && typeof option.default !== 'boolean' && !Array.isArray(option.default)) t.match(row?.split('|')[2], String(option.default), `--${name}`)
  }
})

t.test('docs/operations.md has an entry for every alert, at the anchor that mails link to, and no link into it goes nowhere', async t => {
  const anchors = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-'))
  const links = [...operations.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor)
  const alerts = Object.keys(services).map(name => `alert-${name === 'host' ? name : `vanadium-${name}`}`)

  t.ok(links.length > 20, 'links were found')
  t.strictSame(links.filter(link => !anchors.includes(link)), [])
  t.strictSame(anchors.filter(anchor => anchor.startsWith('alert-')).sort(), alerts.sort())
})

t.test('the contents of docs/operations.md name all sections, in their order', async t => {
  const sections = [...operations.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  const contents = [...operations.slice(0, operations.indexOf('\n## ')).matchAll(/^- \[(.+)\]\(#/gm)].map(([, name]) => name)

  t.strictSame(contents, sections)
})

/** Literal messages of `log.error(…)`; those of errors are in the errors themselves. */
function errorMessagesIn (directory: string): string[] {
  const files = readdirSync(join(projectRoot, directory), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  return files.flatMap(file => {
    const source = ts.createSourceFile(file, readFileSync(join(projectRoot, directory, file), 'utf8'), ts.ScriptTarget.Latest, true)
    const found: string[] = []
    function visit (node: ts.Node): void {
      if (ts.isCallExpression(node) && /\blog\.error$/.test(node.expression.getText(source))) found.push(...literals(node.arguments[0]))
      ts.forEachChild(node, visit)
    }
    visit(source)
    return found
  })
}

function literals (node: ts.Node | undefined): string[] {
  if (node === undefined) return []
  if (ts.isStringLiteral(node)) return [node.text]
  return ts.isConditionalExpression(node) ? [...literals(node.whenTrue), ...literals(node.whenFalse)] : []
}
