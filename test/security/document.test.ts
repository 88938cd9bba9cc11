import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../helpers/shared.js'

const page = readFileSync(join(projectRoot, 'SECURITY.md'), 'utf8')

t.test('the tests that hold a boundary are there, and every boundary has one', async t => {
  const rows = page.slice(page.indexOf('## Boundaries')).split('\n').filter(line => line.startsWith('| ') && !line.startsWith('| what comes in') && !line.startsWith('| ---'))
  const named = [...page.matchAll(/\[(test\/[^\]]+)\]\(([^)]+)\)/g)]

  t.ok(rows.length > 10)
  for (const row of rows) t.match(row, /\| \[test\/[^|]+\|$/, row.slice(0, 60))
  t.strictSame(named.filter(([, shown, target]) => shown !== target), [])
  t.strictSame(named.map(([, file = '']) => file).filter(file => !existsSync(join(projectRoot, file))), [])
})

t.test('links of it lead somewhere', async t => {
  const targets = [...page.matchAll(/\]\((?!test\/)([^)#]+)(?:#([^)]+))?\)/g)]

  t.ok(targets.length > 2)
  for (const [, file = '', anchor] of targets) {
    t.ok(existsSync(join(projectRoot, file)), file)
    const headings = [...readFileSync(join(projectRoot, file), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replace(/[^\w\s-]/g, '').replaceAll(' ', '-'))
    if (anchor !== undefined) t.ok(headings.includes(anchor), `${file}#${anchor}`)
  }
})
