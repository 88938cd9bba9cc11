import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { vanadium, vanadiumctl } from '../../commands.js'
import { defineCommand } from '../../lib/cli/command.js'
import { listCommands, optionsOf } from '../../packaging/listed.js'
import { manualPages } from '../../packaging/pages/pages.js'
import { findProgram } from '../helpers/programs.js'

const odd = defineCommand({
  name: 'odd',
  program: 'vanadiumctl',
  summary: 'Looks at "what" a page could get wrong: \\back\\slashes, \'quotes\' – and `ticks`.',
  examples: [['.hidden \'%q ~^\\n\'', 'a line that begins with a full stop']],
  notes: '.SH is no heading\n  %q  a term\nand it\'s over:\n\na paragraph\n',
  options: { 'odd-one': { type: 'number', alias: 'o', default: 3, description: '.5 is "allowed"' } },
  prepare: () => async () => {}
})
const edition = { version: '1.2.3', date: '2014-05-21', documents: '/opt/doc' }
const control = { ...vanadiumctl, commands: { ...vanadiumctl.commands, odd: async () => odd } }
const pages = await manualPages(vanadium, control, edition)
const directory = mkdtempSync(join(tmpdir(), 'v-pages-'))
t.teardown(() => { rmSync(directory, { recursive: true }) })
for (const [name, text] of pages) writeFileSync(join(directory, name), text)

const checkers = [
  { program: 'man', needs: 'man-db', args: ['--warnings', '-E', 'UTF-8', '-Tutf8', '-Z', '-l'] },
  { program: 'groff', needs: 'groff', args: ['-ww', '-man', '-Tutf8', '-z'] },
  { program: 'mandoc', needs: 'mandoc', args: ['-T', 'lint', '-W', 'warning'] }
]

// seen to fail with a macro that there is not, and with ".PP" before a heading
for (const { program, needs, args } of checkers) {
  t.test(`${program} has nothing to say against any page`, { skip: findProgram(program) === undefined ? `needs ${program}: Debian package ${needs}` : false }, async t => {
    for (const name of pages.keys()) {
      const { stdout, stderr } = spawnSync(program, [...args, join(directory, name)], { encoding: 'utf8', env: { ...process.env, MANROFFSEQ: '', MAN_KEEP_STDERR: '1' } })

      t.equal(program === 'mandoc' ? stdout + stderr : stderr, '', name)
    }
  })
}

t.test('each command has its page, on which are its options, with their defaults, and its examples', { skip: needs('groff') }, async t => {
  const listed = [
    ...(await listCommands(vanadium)).map(one => ({ ...one, program: 'vanadium', page: `vanadium-${one.name}.1` })),
    ...(await listCommands(vanadiumctl)).map(one => ({ ...one, program: 'vanadiumctl', page: 'vanadiumctl.8', isGroup: true }))
  ]
  for (const { commands, isGroup, program, page } of listed) {
    const text = rendered(page)

    for (const command of commands) {
      const { own, common } = optionsOf(command)
      if (isGroup) t.ok(text.includes(`   ${program} ${command.name}\n`), command.name)
      for (const option of own) {
        t.match(text, new RegExp(`^ {7}.*--${option.name}( |$)`, 'm'), `${command.name} --${option.name}`)
        if (option.default !== undefined && option.default !== false && String(option.default) !== '') t.ok(squeezed(text).includes(squeezed(`Default: ${[option.default].flat().join(' ')}`)), `${command.name} --${option.name}`)
      }
      for (const option of common) t.match(text, new RegExp(`^ {7}--${option.name}( |$)`, 'm'), `${command.name} --${option.name}`)
      for (const [line] of command.examples) t.ok(text.includes(`           ${line}\n`), line)
    }
  }
})

t.test('the pages of the programs have all commands and exit codes', { skip: needs('groff') }, async t => {
  const text = rendered('vanadium.1')

  for (const name of Object.keys(vanadium.commands)) t.match(text, new RegExp(`^ +vanadium-${name}\\(1\\)$`, 'm'))
  for (const code of [0, 1, 70, 78]) t.match(text, new RegExp(`^ +${code} +[A-Z]`, 'm'))
  t.match(rendered('vanadiumctl.8'), /^ {3}vanadiumctl odd$/m)
  t.strictSame([...pages.keys()].sort(), ['vanadium.1', 'vanadium.d.5', 'vanadiumctl.8', ...Object.keys(vanadium.commands).map(name => `vanadium-${name}.1`)].sort())
})

t.test('whatever is in a text is on the page as it is', { skip: needs('groff') }, async t => {
  const text = rendered('vanadiumctl.8')

  t.ok(squeezed(text).includes(squeezed(odd.summary)))
  t.ok(text.includes('           .hidden \'%q ~^\\n\'\n'))
  t.ok(text.includes('.SH is no heading'))
  t.match(text, /^ {7}-o, --odd-one N\n +\.5 is "allowed"\. Default: 3$/m)
})

t.test('whatis finds each page by its one line, and where documents are is said', async t => {
  for (const [name, text] of pages) {
    const [page = '', section] = [name.slice(0, -2), name.slice(-1)]

    const escaped = page.replaceAll('-', '\\-')
    t.ok(text.includes(`\n.TH ${escaped.toUpperCase()} ${section} 2014-05-21 "vanadium 1.2.3" "vanadium`), name)
    t.ok(text.includes(`\n.SH NAME\n${escaped} \\- `), name)
    t.match(text, /\n\.SH NAME\n.+\n\.SH SYNOPSIS\n/, name)
    t.notMatch(text, /\bdocs\/[a-z]/, name)
  }
})

function needs (program: string): string | false {
  return findProgram(program) === undefined ? `needs ${program}: Debian package ${program}` : false
}

/** As it is shown on a wide terminal, without bold. */
function rendered (name: string): string {
  const { stdout } = spawnSync('groff', ['-man', '-Tutf8', '-rLL=400n', '-P-cbou', join(directory, name)], { encoding: 'utf8' })
  return stdout.replaceAll('−', '-').replaceAll('‐', '-').replaceAll('’', '\'')
}

function squeezed (text: string): string {
  return text.replace(/\s+/g, ' ')
}
